"""Where tasks stop under `errors.tolerance=none`: just before the record that is at fault.

The batch with the fault is undone and read again; what comes before the fault is decided, and then the task
fails there. A restart takes the halt away, and meets the record again unless something was mended.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fraud_detector.records import Records


@dataclass(frozen=True)
class Halt:
    """The place of a record at fault, and what is wrong with it."""

    offset: int
    trace: str


@dataclass
class Halts:
    """The first fault of each partition that has one."""

    _halts: dict[int, Halt] = field(default_factory=dict)

    def add(self, partition: int, offset: int, trace: str) -> None:
        """Nothing from this record on may be decided."""
        known = self._halts.get(partition)
        if known is None or offset < known.offset:
            self._halts[partition] = Halt(offset, trace)

    def forget(self, partitions: Iterable[int]) -> None:
        """These may go on, or are another worker's."""
        for partition in partitions:
            self._halts.pop(partition, None)

    def cut(self, records: Records) -> tuple[Records, dict[int, str]]:
        """The records before the halts, and for each partition that has come to its halt the reason."""
        if not self._halts:
            return records, {}
        limit = np.full(len(records), np.iinfo(np.int64).max)
        for partition, halt in self._halts.items():
            limit[records.partitions == partition] = halt.offset
        beyond = records.positions >= limit
        reached = {int(partition) for partition in records.partitions[beyond]}
        kept = records.pick(np.flatnonzero(~beyond))
        return kept, {partition: self._halts[partition].trace for partition in reached}
