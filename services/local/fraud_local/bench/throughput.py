"""How many transactions a second, beside the limit and beside other ways, round by round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fraud_local.bench.place import Place
from fraud_local.bench.runs import NAMES, Run, run
from fraud_local.bench.workload import Workload

SHARES = {"passthrough": 1, "detector": 1, "record_by_record": 3, "quix": 3, "tutorial": 150}
"""A slow path gets every so many-th of the records: enough to run for about as long as others, or longer."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Inputs:
    """Filled topics: the name of each, and how many records are on it."""

    by_path: dict[str, tuple[str, int]]


def fill(place: Place, workload: Workload, wanted: Sequence[str]) -> Inputs:
    """Fill one topic for each number of records that some path works through."""
    by_path, by_count = {}, dict[int, str]()
    for path in wanted:
        count = max(workload.records // SHARES[path], 1)
        if path == "tutorial":
            part = Workload(count, workload.users, workload.seed)
            by_path[path] = (place.fill("json", part.chunks(), as_json=True), count)
            continue
        if count not in by_count:
            part = Workload(count, workload.users, workload.seed)
            by_count[count] = place.fill(f"avro-{count}", part.chunks())
        by_path[path] = (by_count[count], count)
    return Inputs(by_path)


def rounds(place: Place, inputs: Inputs, count: int, say: Say) -> dict[str, list[Run]]:
    """Run all paths in turn, several times."""
    found: dict[str, list[Run]] = {path: [] for path in NAMES if path in inputs.by_path}
    for number in range(count):
        for path, runs in found.items():
            source, records = inputs.by_path[path]
            runs.append(run(path, place, source, records))
            say(f"round {number + 1}  {path:<17}{runs[-1].per_second:>10,.0f}/s")
    return found


def durability(place: Place, workload: Workload, count: int, say: Say) -> tuple[list[Run], list[Run]]:
    """The detector with and without durable state, in turn and each first as often as the other."""
    source = place.fill("avro", workload.chunks())
    found: dict[str, list[Run]] = {"true": [], "false": []}
    for number in range(count):
        for durable in ("true", "false") if number % 2 else ("false", "true"):
            runs = found[durable]
            runs.append(run("detector", place, source, workload.records, {"durable": durable}))
            say(f"round {number + 1}  durable {durable:<6}{runs[-1].per_second:>10,.0f}/s")
    return found["true"], found["false"]
