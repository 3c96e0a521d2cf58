"""Writes the chunks of running partitions in turn, each within a bounded number of input records and of time.

A cycle is `state.snapshot_cycle_records` records of the partition, or as many as it has users if that is
more: so a transaction never pays for more than one user's snapshot. It takes `state.snapshot_cycle_s` at
most, so that a slow partition gets through before its input is no longer retained. While all is written no
time is owed. What is, after a worker slept or transactions were aborted, is paid in small pieces: else one
had to hold the whole state, and would be as large again when it had taken too long.
A new lineage writes its first chunk at once, so that from the first commit on the topic says where it began.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fraud_core.features import CHUNKS, State
from fraud_detector.settings import StateSettings
from fraud_detector.snapshots import MOST_WORDS, Ints, Lineage, encoded, key_prefix
from fraud_detector.transaction import Output

FEW = 4
"""Chunks that one Kafka transaction may always write because of time."""
OPEN_S = 5.0
"""It may also write what is due in so long: transactions stay open for no longer."""


@dataclass
class Cycle:
    """How far a partition's snapshots are.

    Attributes:
        offsets: of each chunk, the first input offset that its committed snapshot does not include.
        since: the input offset up to which the pace is paid.
        at: the moment up to which it is paid in time, by the monotonic clock.
    """

    lineage: Lineage
    offsets: Ints
    since: float
    at: float


class Snapshots:
    """Snapshots of the partitions that are running, each written in a transaction that commits its state."""

    def __init__(self, settings: StateSettings, pipeline: str, topic: str) -> None:
        """Nothing runs yet; `topic` is the state topic."""
        self._settings, self._pipeline, self._topic = settings, pipeline, topic
        self._cycles: dict[int, Cycle] = {}
        self._written: dict[int, Cycle] = {}

    def begin(self, partition: int, lineage: Lineage, offsets: Ints, position: int) -> None:
        """A partition was restored from chunks with these offsets, and runs from `position` on."""
        self._cycles[partition] = Cycle(lineage, offsets.copy(), position, time.monotonic())

    def forget(self, partition: int) -> None:
        """A partition is another worker's now."""
        self._cycles.pop(partition, None)
        self._written.pop(partition, None)

    def due(self, states: Mapping[int, State], positions: Mapping[int, int]) -> dict[int, int]:
        """How many chunks to write of each partition that has any to write, for states at these positions."""
        counts = {
            partition: self._count(cycle, positions[partition], states[partition].users)
            for partition, cycle in self._cycles.items()
            if partition in positions
        }
        return {partition: count for partition, count in counts.items() if count}

    def write(
        self, states: Mapping[int, State], positions: Mapping[int, int], due: Mapping[int, int]
    ) -> Iterator[Output]:
        """The records for what is due, oldest chunks first; they count once `committed` is called."""
        for partition, count in due.items():
            position, cycle = positions[partition], self._cycles[partition]
            chunks = np.argsort(cycle.offsets, kind="stable")[:count]
            offsets = cycle.offsets.copy()
            for chunk in chunks[offsets[chunks] < position].tolist():
                yield from self._records(partition, cycle.lineage, chunk, position, states[partition])
                offsets[chunk] = position
            since = self._paid(cycle, position, count, states[partition].users)
            at = min(cycle.at + count * self._pause_s, time.monotonic())
            self._written[partition] = Cycle(cycle.lineage, offsets, since, at)

    def committed(self) -> None:
        """What was written is on the topic."""
        self._cycles.update(self._written)
        self._written.clear()

    def aborted(self) -> None:
        """What was written never happened."""
        self._written.clear()

    def _count(self, cycle: Cycle, position: int, users: int) -> int:
        now = time.monotonic()
        if cycle.offsets.min() >= position:
            cycle.at = now
            return 0
        untold = cycle.offsets.max() == cycle.lineage.origin
        by_records = (position - cycle.since) / self._step(users)
        by_time = min(now - cycle.at, max(OPEN_S, FEW * self._pause_s)) / self._pause_s
        return min(CHUNKS, int(max(by_records, by_time, untold)))

    def _paid(self, cycle: Cycle, position: int, count: int, users: int) -> float:
        """A fraction of a step is carried over, so that small transactions don't slow the cycle down."""
        return max(min(cycle.since + count * self._step(users), position), position - self._step(users))

    @property
    def _pause_s(self) -> float:
        """Between two chunks of a partition without input."""
        return self._settings.snapshot_cycle_s / CHUNKS

    def _step(self, users: int) -> float:
        return max(self._settings.snapshot_cycle_records, users) / CHUNKS

    def _records(
        self, partition: int, lineage: Lineage, chunk: int, position: int, state: State
    ) -> Iterator[Output]:
        prefix = key_prefix(self._pipeline, partition)
        for end, value in encoded(lineage, chunk, position, state.dump(chunk, MOST_WORDS)):
            yield Output(self._topic, prefix + end.encode(), value, partition=partition)
