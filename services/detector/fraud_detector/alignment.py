"""Keeps a worker's partitions together in event time, so that a fast replay reads what a live run would have.

The merchants' cohorts end the label delay before a transaction, and count what all partitions had until then.
Where one partition is replayed ahead of another, that is not there yet. So what is further ahead of the
slowest one than half of the delay is held back, as Flink's watermark alignment does. A partition that has
nothing more to be read holds nobody back, nor does one from which nothing came for a while, nor one that goes
on no faster than the clock: that is no replay, and whoever waited for it would decide late for as long as it
is behind.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from time import monotonic

from fraud_detector.event_time import EventTime
from fraud_detector.reading import Read
from fraud_detector.records import Ints

PATIENCE_S = 10.0
"""Where the end of a log is no record, a partition seems to have more for ever."""
LOOK_S = 10.0
"""Over so long a time it is seen how fast a partition goes on that others wait for."""
REPLAY = 2.0
"""What takes less than so many seconds of event time in one of the clock is read live."""
TOLD_S = 3.0
"""A wait that is longer is told of; in a fast replay most are shorter."""


@dataclass
class Place:
    """Where a partition is.

    Attributes:
        offset: of the record that comes next.
        came_at: when something came last, by the monotonic clock.
        time: the event time that it has come to; None before the first record has come.
        held: the event time of the next record where that is held back, ms.
        held_at: since when.
        seen: the event time that the slowest had come to at `seen_at`.
        free: whether it waits for nobody, as the others are read live.
    """

    offset: int
    came_at: float
    time: EventTime | None = None
    held: int | None = None
    held_at: float = 0.0
    seen: float = 0.0
    seen_at: float = 0.0
    free: bool = False


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

    @property
    def waiting(self) -> set[int]:
        """Those that are held back for so long that somebody might wonder."""
        now = monotonic()
        return {partition for partition in self.ahead if now - self._places[partition].held_at >= TOLD_S}

    def begin(self, partition: int, offset: int) -> None:
        """A partition runs from this offset on."""
        self._places[partition] = Place(offset, monotonic())

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
        for partition, first, end in read.records.spans:
            # The earliest, as the first may be of a wrong clock; that one can be too early does no harm.
            place, began = self._places[partition], int(times[first:end].min())
            place.time = place.time or EventTime(began)
            self._first, place.came_at = min(self._first, began), monotonic()
        cuts = {}
        for partition, first, end in read.records.spans:
            place, span = self._places[partition], times[first:end]
            through = self._through(partition, span)
            if through < len(span):
                cuts[partition] = int(read.records.positions[first + through])
            place.offset = cuts.get(partition, int(read.records.positions[end - 1]) + 1)
        return cuts

    def release(self) -> None:
        """Let those go on that are not too far ahead any more, by a good part, as each stop costs a fetch."""
        for partition in self.ahead:
            place, slowest = self._places[partition], self._slowest_but(partition)
            self._look(place, slowest)
            if place.free or (place.held or 0) <= slowest + self._apart // 2:
                place.held, place.came_at = None, monotonic()

    def _through(self, partition: int, times: Ints) -> int:
        """How many of these records, the next ones of the partition, may be decided."""
        place = self._places[partition]
        assert place.time  # noqa: S101 - its first record has come
        count, held = place.time.through(times, self._horizon(partition, times))
        if held is not None:
            place.held, place.held_at = held, monotonic()
            place.seen, place.seen_at = self._slowest_but(partition), monotonic()
        return count

    def _horizon(self, partition: int, times: Ints) -> float:
        if len(self._places) == 1 or int(times.max()) - self._first <= self._apart:
            return inf
        place, slowest = self._places[partition], self._slowest_but(partition)
        if place.free:
            self._look(place, slowest)
        return inf if place.free else slowest + self._apart

    def _look(self, place: Place, slowest: float) -> None:
        """Whether those that a partition would wait for are read live, seen again and again."""
        moved, passed = slowest - place.seen, monotonic() - place.seen_at
        if not 0 <= moved < inf:  # another one is the slowest now, or none is
            place.seen, place.seen_at = slowest, monotonic()
        elif passed >= LOOK_S:
            place.free = moved < REPLAY * passed * 1_000
            place.seen, place.seen_at = slowest, monotonic()

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
        return self._first if place.time is None else place.time.ms
