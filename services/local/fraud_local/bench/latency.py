"""From a produced transaction to its decision before the eyes of a reader of committed records.

The yardsticks of the same run: `floor` reads the input itself, `passthrough` copies in Kafka transactions
with the detector's own discipline (commit when the input runs dry, two producers in turn).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Consumer

from fraud_core.polling import polled
from fraud_local.bench import paths
from fraud_local.bench.place import Place, beginnings
from fraud_local.bench.runs import BenchError, run
from fraud_local.bench.task import Task
from fraud_local.bench.turns import Turns, counts
from fraud_local.bench.workload import Workload
from fraud_local.stack.ports import several_free

PATHS = ("floor", "passthrough", "detector")
RATES = (100, 1_000, 10_000)
QUANTILES = (50, 99, 99.9)
MOST = Workload(150_000, 10_000)
"""What the detector's greatest rate is taken from, where half of that is to be watched."""
SETTLED_S = 2.0
START_S = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Latencies:
    """What a reader saw at one rate.

    Attributes:
        quantiles: milliseconds, for each of QUANTILES; resolution 1 ms, that of Kafka's timestamps.
        turns: of the detector, None of other paths.
    """

    path: str
    rate: int
    records: int
    quantiles: tuple[float, ...]
    turns: Turns | None = None


def measure(place: Place, rates: Sequence[int], rounds: int, seconds: float, say: Say) -> list[Latencies]:
    """Each rate and path in turn, several times."""
    found = []
    for _ in range(rounds):
        for rate in rates:
            for path in PATHS:
                found.append(_measured(place, path, rate, seconds))
                say(_line(found[-1]))
    return found


def half_of_most(place: Place) -> int:
    """Half of the transactions a second that the detector does at most, to two digits."""
    source = place.fill("most", MOST.chunks())
    return int(float(f"{run('detector', place, source, MOST.records).per_second / 2:.2g}"))


def _measured(place: Place, path: str, rate: int, seconds: float) -> Latencies:
    source = place.fill(f"{path}-{time.monotonic_ns()}", [])
    records = round(rate * (seconds + SETTLED_S + START_S))
    (port,) = several_free(1)
    options = {"passthrough": {"producers": "2"}, "detector": {"port": str(port)}}.get(path, {})
    with ExitStack() as held:
        task = held.enter_context(place.task(source, records))
        reader = held.enter_context(_reader(task, path))
        held.enter_context(_process("load", task.model_copy(update={"options": {"rate": str(rate)}})))
        if path != "floor":
            held.enter_context(_process(path, task.model_copy(update={"options": options})))
        _settled(reader)
        before = counts(port) if path == "detector" else None
        seen = _seen(reader, seconds)
        turns = counts(port).since(before) if before else None
    quantiles = tuple(float(value) for value in np.quantile(seen, [q / 100 for q in QUANTILES]))
    return Latencies(path, rate, len(seen), quantiles, turns)


@contextmanager
def _process(path: str, task: Task) -> Iterator[None]:
    """A path that runs as long as the block, and is killed at its end."""
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", f"{paths.__name__}.{path}", task.model_dump_json()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _reader(task: Task, path: str) -> Iterator[Consumer]:
    reader = Consumer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "group.id": f"{task.prefix}reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        }
    )
    names = [task.source] if path == "floor" else [task.alerts, task.classified]
    try:
        reader.assign(beginnings(reader, *names))
        yield reader
    finally:
        reader.close()


def _settled(reader: Consumer) -> None:
    """Read until the backlog of the start is gone, and a while on."""
    give_up = time.monotonic() + START_S
    while not (came := _arrived(reader)) or came[-1] >= 1_000:  # noqa: PLR2004 - a second
        if time.monotonic() > give_up:
            raise BenchError(f"No decision came within a second of its transaction for {START_S:g} s.")
    _seen(reader, SETTLED_S)


def _seen(reader: Consumer, seconds: float) -> list[float]:
    """Latencies in milliseconds."""
    until, found = time.monotonic() + seconds, list[float]()
    while time.monotonic() < until:
        found += _arrived(reader)
    if not found:
        raise BenchError("Decisions stopped coming during the measurement.")
    return found


def _arrived(reader: Consumer) -> list[float]:
    messages = polled(reader, 10_000, 0.1)
    now = time.time() * 1000
    return [now - message.timestamp()[1] for message in messages if message.error() is None]


def _line(one: Latencies) -> str:
    values = "".join(f"{value:>9.0f}" for value in one.quantiles)
    turns = f"   {one.turns.text()}" if one.turns else ""
    return f"{one.rate:>7,}/s  {one.path:<12}{values}   {one.records:>9,}{turns}"


HEADING = f"{'rate':>9}  {'path':<12}" + "".join(f"{f'p{q:g} ms':>9}" for q in QUANTILES) + "     records"


def ratios(found: Sequence[Latencies]) -> dict[str, dict[str, float]]:
    """For each rate, the detector's median p50 and p99 over those of the pass-through."""
    return {
        str(rate): {
            name: _median(found, "detector", rate, place) / _median(found, "passthrough", rate, place)
            for place, name in enumerate(("p50", "p99"))
        }
        for rate in sorted({one.rate for one in found})
    }


def _median(found: Sequence[Latencies], path: str, rate: int, place: int) -> float:
    return float(np.median([one.quantiles[place] for one in found if (one.path, one.rate) == (path, rate)]))
