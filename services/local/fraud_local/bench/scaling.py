"""How the detector grows: with processes, and with the users that its state knows.

Detectors are processes of the `fraudstream detector` command, as in production; what they have decided is
read from the offsets that their group has committed, and what a restart took from their logs.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from fraud_core.features import State, advance
from fraud_core.settings import ENV_PREFIX
from fraud_local.bench.place import PARTITIONS, Place
from fraud_local.bench.runs import BenchError
from fraud_local.bench.task import Task
from fraud_local.bench.workload import Workload
from fraud_local.chaos.crew import Crew

PARTS = 5
"""Throughput is told for each fifth of the records but the first, in which a worker may still start."""
LIMIT_S = 3_600.0
LOOK_S = 0.05
Say = Callable[[str], None]


@dataclass(frozen=True)
class Grown:
    """One run of so many processes over a topic with so many users, and a restart after it.

    Attributes:
        per_second: transactions a second of the last four fifths.
        growing: the same of each of these fifths, while the state grows.
        restore_s: from the assignment until the last partition runs, after all processes were killed.
        restored_users: that are in the states then.
        replayed: records that were read again for it.
        snapshot_bytes: that were read for it.
    """

    users: int
    processes: int
    records: int
    per_second: float
    growing: tuple[float, ...]
    restore_s: float
    restored_users: int
    replayed: int
    snapshot_bytes: int


def bytes_a_user(workload: Workload) -> float:
    """Memory of a state after the whole workload, over its users; in this process, without a broker."""
    state = State()
    for frame in workload.chunks():
        advance(state, frame)
    return state.nbytes / state.users


def measure(place: Place, workload: Workload, processes: int, logs: Path, say: Say) -> Grown:
    """Let so many detectors decide the workload, kill them, and start them again.

    Raises:
        BenchError: a detector ended, or the records were not decided in an hour.
    """
    source = place.fill(f"users-{workload.users}-{processes}", workload.chunks())
    with place.task(source, workload.records) as task, _crew(task, logs) as crew:
        names = [f"bench-{number}" for number in range(processes)]
        for name in names:
            crew.start(name)
        marks = _marks(task, crew)
        for name in names:
            crew.kill(name)
        before = set(crew.directory.iterdir())
        for name in names:
            crew.start(name)
        restore_s, restored = _restored(crew, before)
    found = Grown(
        workload.users, processes, workload.records,
        per_second=_rate(workload, PARTS - 1, marks[-1] - marks[0]),
        growing=tuple(_rate(workload, 1, end - begin) for begin, end in pairwise(marks)),
        restore_s=restore_s,
        restored_users=sum(event["users"] for event in restored),
        replayed=sum(event["replayed"] for event in restored),
        snapshot_bytes=sum(event["snapshot_bytes"] for event in restored),
    )  # fmt: skip
    say(line(found))
    return found


def line(one: Grown) -> str:
    """For people."""
    growing = " ".join(f"{rate:,.0f}" for rate in one.growing)
    return (
        f"{one.users:>11,} users  {one.processes} process{'es' if one.processes > 1 else '  '}"
        f"{one.per_second:>10,.0f}/s  (by fifths {growing})  restored {one.restored_users:,} users "
        f"in {one.restore_s:.1f} s, {one.replayed:,} records replayed"
    )


def _rate(workload: Workload, parts: int, seconds: float) -> float:
    return workload.records * parts / PARTS / max(seconds, 1e-9)


@contextmanager
def _crew(task: Task, logs: Path) -> Iterator[Crew]:
    directory = logs / task.prefix.strip(".")
    directory.mkdir(parents=True)
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
    own = {
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": task.bootstrap_servers,
        "FRAUD_SCHEMA_REGISTRY__URL": task.schema_registry_url,
        "FRAUD_TOPICS__TRANSACTIONS": task.source,
        "FRAUD_TOPICS__PREFIX": task.prefix,
        "FRAUD_PIPELINE": _group(task),
        "FRAUD_MODEL__URL": task.model_url,
        "FRAUD_MODEL__SHA256": task.model_sha256,
        "FRAUD_HTTP__ENABLED": "false",
        "FRAUD_LOG__FORMAT": "json",
    }
    crew = Crew(directory, others | own)
    try:
        yield crew
    finally:
        crew.end()


def _group(task: Task) -> str:
    return f"{task.prefix}scaling"


def _marks(task: Task, crew: Crew) -> list[float]:
    """When each fifth of the records was committed, from the end of the first on."""
    config = {"bootstrap.servers": task.bootstrap_servers, "group.id": _group(task)}
    places = [TopicPartition(task.source, number) for number in range(PARTITIONS)]
    deadline, times, counts = time.monotonic() + LIMIT_S, [time.perf_counter()], [0]
    with closing(Consumer(config)) as consumer:
        while counts[-1] < task.records:
            _look_after(crew, deadline)
            done = sum(max(place.offset, 0) for place in consumer.committed(places, LIMIT_S))
            if done > counts[-1]:
                times.append(time.perf_counter())
                counts.append(done)
            time.sleep(LOOK_S)
    fifths = task.records * np.arange(1, PARTS + 1) / PARTS
    return [float(mark) for mark in np.interp(fifths, counts, times)]


def _restored(crew: Crew, before: set[Path]) -> tuple[float, list[dict[str, Any]]]:
    """Seconds from the first assignment to the last partition's start, and what was restored meanwhile."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        _look_after(crew, deadline)
        events = [event for log in set(crew.directory.iterdir()) - before for event in _events(log)]
        assigned, running, restored = (_named(events, name) for name in ("assigned", "running", "restored"))
        if len({event["partition"] for event in running}) == PARTITIONS:
            times = [datetime.fromisoformat(event["timestamp"]) for event in (*assigned, *running)]
            last = {event["partition"]: event for event in restored}
            return (max(times) - min(times)).total_seconds(), list(last.values())
        time.sleep(LOOK_S)


def _look_after(crew: Crew, deadline: float) -> None:
    if told := crew.tend():
        raise BenchError(f"{told[0].split(';')[0]}. Its log is in {crew.directory}.")
    if time.monotonic() > deadline:
        raise BenchError(f"The detectors were not through in {LIMIT_S:.0f} s.")


def _events(log: Path) -> list[dict[str, Any]]:
    """Whole lines only: the last may still be written."""
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(text) for text in whole.splitlines() if text.startswith("{")]


def _named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]
