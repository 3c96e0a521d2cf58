"""The side tables of a worker: kept up with the topics, and published for the other workers.

What a partition has counted is published as its event time enters a new hour, and as often as the state's
snapshots are, in a transaction that commits it with the input offset that it includes. Between two
publications a crash loses nothing: a restore counts what the input has from that offset on. The users that it
has met on devices are published more often, as others look at the last hours too.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from fraud_core.avro import Decoder
from fraud_core.features import SideTables
from fraud_core.features.side import AHEAD, KEPT, PAIR_HOUR, Counts, Logins
from fraud_core.log import logger
from fraud_core.registry import Registry
from fraud_core.topics import Topics
from fraud_detector.login_log import LoginLog
from fraud_detector.reading import ASK_S, Read
from fraud_detector.records import Ints
from fraud_detector.settings import DetectorSettings
from fraud_detector.side_log import Place, SideLog
from fraud_detector.side_records import (
    CATEGORIES,
    MERCHANTS,
    OFFSET,
    SideRecord,
    device_records,
    encoded,
    key_of,
)
from fraud_detector.transaction import Output

log = logger(__name__)
LEAST_S = 0.2
"""Seconds between two publications of a partition because of its event time: a fast replay has many hours."""
DEVICES_S = 10.0
"""Seconds between two publications of devices: each is a record that stays for two days."""


@dataclass
class Publication:
    """A partition's counts up to an input offset.

    Attributes:
        hour: the latest that the partition had reached.
        at: when it was written, by the monotonic clock.
    """

    offset: int
    hour: int
    at: float


@dataclass
class Written:
    """What was written in the open transaction for a partition.

    Attributes:
        counts: None where they were not due.
        slots: of the counts, by what is counted.
        old: slots that are gone, by the same.
        devices: what the keys of their records end with, and the latest hour of each.
        gone: records of devices that are gone.
    """

    counts: Publication | None = None
    slots: dict[str, dict[int, Ints]] = field(default_factory=dict)
    old: dict[str, list[int]] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


class Sides:
    """What this worker knows, reads and publishes."""

    def __init__(
        self, settings: DetectorSettings, names: Topics, tables: SideTables, registry: Registry
    ) -> None:
        """Asks for nothing yet."""
        self.tables = tables
        self._counts: dict[str, Counts] = {MERCHANTS: tables.merchants, CATEGORIES: tables.categories}
        self._pipeline, self._topic, self._state = settings.pipeline, names.side_tables.name, settings.state
        self._log = SideLog(settings, names, Decoder("Label", registry, ASK_S))
        self._logins = None
        if names.logins:
            tables.logins = Logins()
            self._logins = LoginLog(settings, names.logins.name, Decoder("Login", registry, ASK_S))
        self._offsets: dict[str, dict[int, int]] = {counted: {} for counted in self._counts}
        self._ends: dict[int, dict[Place, int]] = {}
        self._begins: dict[int, dict[str, int]] = {}
        self._last: dict[int, Publication] = {}
        self._devices: dict[int, dict[str, int]] = {}
        self._devices_at: dict[int, float] = {}
        self._written: dict[int, Written] = {}

    def follow(self, wait_s: float = 0.0) -> None:
        """Take in what has come on the topics."""
        labels, records = self._log.step(wait_s)
        if labels is not None:
            self.tables.labels.learn(labels)
        for record in records:
            self._learn(record)
        if self._logins and (logins := self._logins.step()) is not None:
            self.tables.learn_logins(logins)

    def await_end(self, partition: int, position: int, end: int) -> None:
        """Begin to restore a partition whose committed offset is known: nobody else publishes it any more.

        `position` is where deciding goes on in the input, which has its `end` there or later.

        Raises:
            KafkaException: the brokers did not say where the topics end.
        """
        self.tables.forget(partition)
        self._ends[partition] = self._log.ends()
        if self._logins:
            self._logins.add(partition, position, end)

    def reached(self, partition: int) -> bool:
        """Whether all is read that was published when its restore began."""
        logins = self._logins is None or self._logins.reached(partition)
        return logins and self._log.passed(self._ends[partition])

    def begin(self, partition: int, first: int, committed: int) -> int:
        """The input offset from which a partition is counted again, of an input that begins at `first`."""
        begins = {counted: known.get(partition, first) for counted, known in self._offsets.items()}
        if (highest := max(begins.values())) > committed:
            log.warning(
                "counts_rebuilt", partition=partition, reason=f"they go up to {highest}, not {committed}"
            )
            for counts in self._counts.values():
                counts.reset(partition)
            begins = dict.fromkeys(begins, first)
        elif min(begins.values()) < first:
            log.warning("counts_incomplete", partition=partition, reason=f"the input begins at {first}")
        self._begins[partition] = {counted: max(begin, first) for counted, begin in begins.items()}
        return min(self._begins[partition].values())

    def replay(self, read: Read) -> None:
        """Count transactions that were decided before and are not in what is published."""
        if not len(read.records):
            return
        frame = read.frame()
        for partition, first, end in read.records.spans:
            begins, positions = self._begins[partition], read.records.positions[first:end]
            merchants, categories = (
                int(np.searchsorted(positions, begins[of])) for of in (MERCHANTS, CATEGORIES)
            )
            known = min(merchants, categories)
            self.tables.count(frame[first + known : end], partition, merchants - known, categories - known)

    def count(self, read: Read) -> None:
        """Count transactions of partitions that run, which nobody decides."""
        if len(read.records):
            frame = read.frame()
            for partition, first, end in read.records.spans:
                self.tables.count(frame[first:end], partition)

    def start(self, partition: int, position: int) -> None:
        """A partition is restored, and runs from this input offset on."""
        self.tables.savepoint(partition)
        offset = min(self._begins.pop(partition, {MERCHANTS: position}).values())
        self._ends.pop(partition, None)
        if partition not in self._last:
            self._last[partition] = Publication(offset, self._newest_hour(partition), time.monotonic())

    def savepoint(self, partitions: Collection[int]) -> None:
        """What these have counted is committed."""
        for partition in partitions:
            self.tables.savepoint(partition)

    def roll_back(self, partition: int) -> None:
        """Undo what was counted since the savepoint."""
        self.tables.roll_back(partition)

    def forget(self, partition: int) -> None:
        """A partition is another worker's now: what it has published is all that counts."""
        self.tables.forget(partition)
        if self._logins:
            self._logins.drop(partition)
        for kept in (self._ends, self._begins, self._last, self._devices_at, self._written):
            kept.pop(partition, None)

    def due(self, positions: Mapping[int, int]) -> dict[int, int]:
        """The partitions that have something to publish, and the input offsets that they are at."""
        return {
            partition: at
            for partition, at in positions.items()
            if self._counts_due(partition, at) or self._devices_due(partition)
        }

    def write(self, due: Mapping[int, int]) -> Iterator[Output]:
        """The records for what is due; they count once `committed` is called."""
        for partition, offset in due.items():
            written = self._written[partition] = Written()
            if self._counts_due(partition, offset):
                yield from self._write_counts(partition, offset, written)
            yield from self._write_devices(partition, offset, written)

    def committed(self) -> None:
        """What was written is on the topic."""
        for partition, written in self._written.items():
            known = self._devices.setdefault(partition, {})
            for name in written.gone:
                known.pop(name, None)
            known.update(written.devices)
            self.tables.devices.published(partition)
            self._devices_at[partition] = time.monotonic()
            if written.counts:
                for counted, counts in self._counts.items():
                    for slot in written.old[counted]:
                        counts.drop(partition, slot)
                    counts.published(partition, written.counts.offset, written.slots[counted])
                    self._offsets[counted][partition] = written.counts.offset
                self._last[partition] = written.counts
        self._written.clear()

    def aborted(self) -> None:
        """What was written never happened."""
        self._written.clear()

    def close(self) -> None:
        """Read no further."""
        self._log.close()
        if self._logins:
            self._logins.close()

    def _counts_due(self, partition: int, position: int) -> bool:
        last, hour = self._last.get(partition), self._newest_hour(partition)
        if last is None or position <= last.offset:
            return False
        waited = time.monotonic() - last.at
        return (
            (hour > last.hour and waited >= LEAST_S)
            or position - last.offset >= self._state.snapshot_cycle_records
            or waited >= self._state.snapshot_cycle_s
        )

    def _newest_hour(self, partition: int) -> int:
        return max(counts.newest_hour(partition) for counts in self._counts.values())

    def _devices_due(self, partition: int) -> bool:
        waited = time.monotonic() - self._devices_at.get(partition, -DEVICES_S)
        return waited >= DEVICES_S and self.tables.devices.pending(partition)

    def _write_counts(self, partition: int, offset: int, written: Written) -> Iterator[Output]:
        written.counts = Publication(offset, self._newest_hour(partition), time.monotonic())
        for counted, counts in self._counts.items():
            slots, old = counts.dump(partition), counts.old_slots(partition)
            written.slots[counted], written.old[counted] = slots, old
            for slot in old:
                yield self._output(key_of(self._pipeline, partition, f"{counted}{slot}"), None)
            for slot, entries in slots.items():
                yield self._output(
                    key_of(self._pipeline, partition, f"{counted}{slot}"), encoded(offset, entries)
                )
            yield self._output(key_of(self._pipeline, partition, f"{counted}{OFFSET}"), encoded(offset))

    def _write_devices(self, partition: int, offset: int, written: Written) -> Iterator[Output]:
        devices = self.tables.devices
        oldest = devices.newest_hour(partition) - KEPT
        known = self._devices.get(partition, {})
        written.gone = [name for name, newest in known.items() if newest <= oldest]
        for name in written.gone:
            yield self._output(key_of(self._pipeline, partition, name), None)
        for name, pairs in device_records(offset, devices.dump(partition)):
            written.devices[name] = _newest(pairs, devices.newest_hour(partition))
            yield self._output(key_of(self._pipeline, partition, name), encoded(offset, pairs))

    def _output(self, key: str, value: bytes | None) -> Output:
        return Output(self._topic, key, value)

    def _learn(self, record: SideRecord) -> None:
        counts, offsets = self._counts[record.counted], self._offsets[record.counted]
        if record.of_devices:
            self._learn_devices(record)
        elif record.slot is None:
            if record.partition not in self._last and record.offset is not None:
                offsets[record.partition] = record.offset
        elif record.offset is None:
            if record.partition not in self._last:
                counts.drop(record.partition, record.slot)
        else:
            counts.learn(record.partition, record.slot, record.offset, record.entries)

    def _learn_devices(self, record: SideRecord) -> None:
        """Pairs stay as late as they are, so it does no harm to read what this worker has written itself."""
        known = self._devices.setdefault(record.partition, {})
        if record.offset is None or not record.entries.size:
            known.pop(record.name, None)
        else:
            self.tables.devices.learn(record.partition, record.entries)
            latest = self.tables.devices.newest_hour(record.partition)
            known[record.name] = _newest(record.entries, latest)


def _newest(pairs: Ints, latest: int) -> int:
    """The latest hour of pairs that do not lie far ahead of the partition's; the earliest where all do."""
    hours = pairs[:, PAIR_HOUR]
    near = hours if latest < 0 else hours[hours <= latest + AHEAD]
    return int(near.max()) if near.size else int(hours.min())
