"""Finds the one record that makes a whole batch fail, by halving what is decided at once.

A batch that failed twice is halved until the culprit is alone; that one becomes a dead letter. It is still
learnt from if it can be: a restore, which reads it again, knows no letters. Only a record's own fault leads
here, never a broker's.
"""

from collections.abc import Iterable

import numpy as np

from fraud_detector.dead_letters import DeadLetter, Stage
from fraud_detector.records import Records

Place = tuple[int, int]
TRIES = 2
NONE = np.zeros(0, dtype=np.int64)


class Suspects:
    """How large a batch may be, given what failed before, and which records are to blame."""

    def __init__(self, max_records: int) -> None:
        """Nothing failed yet."""
        self._max = max_records
        self.limit = max_records
        self._failures = 0
        self._until: dict[int, int] = {}
        self._guilty: dict[Place, Exception] = {}
        self._not_to_learn: set[Place] = set()

    def blame(self, records: Records, error: Exception) -> None:
        """This batch could not be decided."""
        self._failures += 1
        for partition, offset in records.offsets.items():
            self._until[partition] = max(offset, self._until.get(partition, 0))
        if self._failures < TRIES:
            return
        self._failures = 0
        if len(records) == 1:
            self._guilty[self._place(records, 0)] = error
        self.limit = max(1, min(self.limit, len(records)) // 2)

    def letters(self, records: Records) -> list[DeadLetter]:
        """Dead letters for the records of the batch that are known to be at fault."""
        if not self._guilty:
            return []
        found = (
            (message, self._guilty.get(self._place(records, i))) for i, message in enumerate(records.messages)
        )
        return [
            DeadLetter(message, Stage.TRANSFORMATION, error) for message, error in found if error is not None
        ]

    def to_learn(self, records: Records) -> Records:
        """Those of the batch that are at fault and may still be learnt from."""
        if not self._guilty:
            return records.pick(NONE)
        places = (self._place(records, i) for i in range(len(records)))
        wanted = [place in self._guilty and place not in self._not_to_learn for place in places]
        return records.pick(np.flatnonzero(wanted))

    def not_to_learn(self, records: Records) -> None:
        """These, which are at fault, can't be learnt from either."""
        self._not_to_learn.update(self._place(records, i) for i in range(len(records)))

    def cleared(self, records: Records) -> None:
        """This batch was decided; once all that had failed is behind, batches may be large again."""
        if not self._until:
            return
        for partition, offset in records.offsets.items():
            if offset >= self._until.get(partition, 0):
                self._until.pop(partition, None)
        self._reset_if_clear()

    def forget(self, partitions: Iterable[int]) -> None:
        """These partitions are another worker's now, or get another chance: nobody is guilty there."""
        gone = set(partitions)
        for partition in gone:
            self._until.pop(partition, None)
        self._guilty = {place: error for place, error in self._guilty.items() if place[0] not in gone}
        self._not_to_learn = {place for place in self._not_to_learn if place[0] not in gone}
        self._reset_if_clear()

    def _reset_if_clear(self) -> None:
        if not self._until:
            self.limit, self._failures = self._max, 0
            self._guilty.clear()
            self._not_to_learn.clear()

    @staticmethod
    def _place(records: Records, index: int) -> Place:
        return int(records.partitions[index]), records.messages[index].offset() or 0
