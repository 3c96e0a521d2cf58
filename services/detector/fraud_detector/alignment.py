"""Keeps a worker's partitions together in event time, so that a fast replay reads what a live run would have.

The merchants' cohorts end the label delay before a transaction, and count what all partitions had until then.
Where one partition is replayed ahead of another, that is not there yet. So what is further ahead of the
slowest one than half of the delay is held back, as Flink's watermark alignment does. A partition that has
nothing more to be read holds nobody back, nor does one from which nothing came for a while.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from time import monotonic

import numpy as np

from fraud_detector.reading import Read
from fraud_detector.records import Ints

PATIENCE_S = 10.0
"""Where the end of a log is no record, a partition seems to have more for ever."""


@dataclass
class Place:
    """Where a partition is.

    Attributes:
        offset: of the record that comes next.
        time: the latest event time that was let through, ms; None before the first record has come.
        held: the event time of the next record where that is held back.
        came_at: when something came last, by the monotonic clock.
    """

    offset: int
    time: int | None = None
    held: int | None = None
    came_at: float = field(default_factory=monotonic)


class Alignment:
    """The partitions that run, and how far each has come."""

    def __init__(self, apart_ms: int, more: Callable[[int, int], bool]) -> None:
        """They may be `apart_ms` apart; `more` says whether a partition has records from an offset on."""
        self._apart, self._more = apart_ms, more
        self._places: dict[int, Place] = {}
        self._first = inf

    @property
    def ahead(self) -> set[int]:
        """The partitions that are held back."""
        return {partition for partition, place in self._places.items() if place.held is not None}

    def begin(self, partition: int, offset: int) -> None:
        """A partition runs from this offset on."""
        self._places[partition] = Place(offset)

    def forget(self, partitions: Iterable[int]) -> None:
        """These do not run any more."""
        for partition in partitions:
            self._places.pop(partition, None)

    def cut(self, read: Read) -> dict[int, int]:
        """For each partition that a batch takes too far ahead the offset from which on its records must wait.

        All before that is taken as decided.
        """
        if not len(read.records):
            return {}
        times: Ints = read.batch["timestamp"].cast("int64").to_numpy()
        for partition, first, _ in read.records.spans:
            place, began = self._places[partition], int(times[first])
            place.time = began if place.time is None else place.time
            self._first, place.came_at = min(self._first, began), monotonic()
        cuts = {}
        for partition, first, end in read.records.spans:
            place, span = self._places[partition], times[first:end]
            through = self._through(partition, span)
            if through:
                place.time = max(place.time or 0, int(span[:through].max()))
            if through < len(span):
                place.held = int(span[through])
                cuts[partition] = int(read.records.positions[first + through])
            place.offset = cuts.get(partition, int(read.records.positions[end - 1]) + 1)
        return cuts

    def release(self) -> None:
        """Let those go on that are not too far ahead any more, by a good part, as each stop costs a fetch."""
        for partition in self.ahead:
            place = self._places[partition]
            if (place.held or 0) <= self._slowest_but(partition) + self._apart // 2:
                place.held, place.came_at = None, monotonic()

    def _through(self, partition: int, times: Ints) -> int:
        """How many of these records, the next ones of the partition, may be decided."""
        if len(self._places) == 1 or int(times.max()) - self._first <= self._apart:
            return len(times)
        horizon = self._slowest_but(partition) + self._apart
        beyond = np.flatnonzero(times > horizon)
        return int(beyond[0]) if beyond.size else len(times)

    def _slowest_but(self, partition: int) -> float:
        """The earliest event time that another partition with more records has come to."""
        others = (
            place for other, place in self._places.items() if other != partition and self._goes_on(other)
        )
        return min((self._reached(place) for place in others), default=inf)

    def _goes_on(self, partition: int) -> bool:
        place = self._places[partition]
        waits = place.held is not None or monotonic() - place.came_at < PATIENCE_S
        return waits and self._more(partition, place.offset)

    def _reached(self, place: Place) -> float:
        if place.held is not None:
            return place.held
        return self._first if place.time is None else place.time
