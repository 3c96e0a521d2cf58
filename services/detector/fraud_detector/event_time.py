"""How far a partition has come in event time, which no single record says by more than a day.

The rule is that of the side tables: a record that lies further ahead may be of a clock that is wrong, and
says nothing; after so many of them in a row the earliest is believed.
"""

import numpy as np

from fraud_core.features.side import AHEAD, LATEST, ODD, note_all, unknown
from fraud_detector.records import Ints

HOUR_MS = 3_600_000
OLD = 2**40
"""Hours. What lies behind is in order: only what lies ahead may make others wait."""


class EventTime:
    """Of one partition.

    Attributes:
        ms: the latest time that was let through and is believed.
    """

    def __init__(self, first: int) -> None:
        """`first` is the earliest time of the first records that come, ms."""
        self.ms = first
        self._known = unknown()
        self._known[LATEST] = first // HOUR_MS

    def through(self, times: Ints, horizon: float) -> tuple[int, int | None]:
        """Take note of the next records up to the first that is beyond the horizon, in ms.

        What lies more than a day ahead of the partition itself passes without notice.

        Returns:
            How many these are, and to what time the next one would bring the partition, None where all are.
        """
        if self._known[ODD] or self._leaps(times):
            return self._one_by_one(times, horizon)
        beyond = np.flatnonzero(times > horizon)
        count = int(beyond[0]) if beyond.size else len(times)
        if count:
            self.ms = max(self.ms, int(times[:count].max()))
            self._known[LATEST] = max(self._known[LATEST], self.ms // HOUR_MS)
        return count, int(times[count]) if count < len(times) else None

    def _leaps(self, times: Ints) -> bool:
        """Whether one of these lies more than a day ahead of all before it."""
        hours = times // HOUR_MS
        before = np.maximum.accumulate(np.concatenate([self._known[LATEST : LATEST + 1], hours[:-1]]))
        return bool((hours > before + AHEAD).any())

    def _one_by_one(self, times: Ints, horizon: float) -> tuple[int, int | None]:
        hours = times // HOUR_MS
        for row, time in enumerate(times.tolist()):
            before = self._known.copy()
            note_all(self._known, hours[row : row + 1], OLD)
            if self._known[ODD]:
                continue
            fits = hours[row] <= before[LATEST] + AHEAD
            reached = time if fits else int(self._known[LATEST]) * HOUR_MS
            if reached > horizon:
                self._known = before
                return row, reached
            self.ms = max(self.ms, reached)
        return len(times), None
