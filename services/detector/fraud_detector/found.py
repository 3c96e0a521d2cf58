"""What the state topic holds of one partition: of each chunk the latest snapshot, in the order of the log."""

from dataclasses import dataclass, field

import numpy as np

from fraud_core.features import CHUNKS
from fraud_detector.snapshots import Ints, Lineage, Part, SnapshotError, decoded


@dataclass
class Found:
    """Snapshots as they are read; the last record says which lineage counts.

    Attributes:
        lineage: None where nothing was found.
        count, size: of all records read, and their bytes.
        position: the next offset of the state topic.
    """

    lineage: Lineage | None = None
    count: int = 0
    size: int = 0
    position: int = 0
    _fault: SnapshotError | None = None
    _chunks: dict[int, list[Part]] = field(default_factory=dict)

    def add(self, value: bytes) -> None:
        """Take in the next record."""
        self.count += 1
        self.size += len(value)
        try:
            part = decoded(value)
        except SnapshotError as error:
            self._fault = error
            return
        self._fault = None
        if part.lineage != self.lineage:
            self.lineage = part.lineage
            self._chunks.clear()
        parts = self._chunks.get(part.chunk, [])
        if part.part == 0:
            self._chunks[part.chunk] = [part]
        elif len(parts) == part.part and parts[0].offset == part.offset:
            # Else it is of an earlier snapshot, whose first part has been compacted away.
            parts.append(part)

    def parts(self) -> list[Part]:
        """The parts of all complete chunks."""
        return [part for parts in self._complete() for part in parts]

    def offsets(self, partitions: int, first: int, committed: int) -> Ints:
        """For each chunk the input offset from which it is replayed; the origin where it has no snapshot.

        Args:
            partitions: of the input now.
            first: the first input offset that is retained.
            committed: where the replay ends.

        Raises:
            SnapshotError: what was found does not lead to the state at `committed`.
        """
        if self._fault:
            raise self._fault
        if self.lineage is None:
            if first > 0:
                raise SnapshotError(f"it has no snapshots, and the input begins at {first}")
            return np.full(CHUNKS, first, dtype=np.int64)
        if self.lineage.partitions != partitions:
            raise SnapshotError(
                f"its snapshots are of an input of {self.lineage.partitions} partitions, "
                f"and it has {partitions}"
            )
        offsets = np.full(CHUNKS, self.lineage.origin, dtype=np.int64)
        for parts in self._complete():
            offsets[parts[0].chunk] = parts[0].offset
        if offsets.max() > committed:
            raise SnapshotError(
                f"its snapshots go up to offset {offsets.max()}, and only {committed} is committed: the "
                "input was made anew, or the group's offsets were set back"
            )
        if offsets.min() < first:
            raise SnapshotError(
                f"its replay begins at offset {offsets.min()}, and the input retains only what is from "
                f"{first} on: raise its retention, or lower FRAUD_STATE__SNAPSHOT_CYCLE_RECORDS and _S"
            )
        return offsets

    def _complete(self) -> list[list[Part]]:
        return [parts for parts in self._chunks.values() if len(parts) == parts[0].parts]
