"""When rows may go: flat out, so many a second, or as a clock of event time comes to them.

A pace is asked again and again how many of the next rows are due; times are event times in milliseconds
since 1970, in order. A pace counts from its first question on, so that starting up costs no rows.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

Times = np.ndarray[Any, np.dtype[np.int64]]
Seconds = Callable[[], float]

LARGEST_DEBT_S = 1.0
"""A producer that fell behind by more (brokers away, laptop asleep) does not burst to catch up."""


class Pace(Protocol):
    """Says when rows may go."""

    def due(self, times: Times) -> int:
        """How many of these transactions may go now; the caller sends that many."""
        ...

    def due_labels(self, times: Times) -> int:
        """How many of these labels may go now, all transactions before them having gone."""
        ...

    def wait_s(self, time_ms: int) -> float:
        """Seconds until a row of this event time, the next one, may go."""
        ...

    def skip(self, seconds: float) -> None:
        """So many seconds did not count: the producer was paused."""
        ...


class FlatOut:
    """Everything at once."""

    def due(self, times: Times) -> int:
        """All of them."""
        return len(times)

    def due_labels(self, times: Times) -> int:
        """All of them."""
        return len(times)

    def wait_s(self, time_ms: int) -> float:
        """No time."""
        del time_ms
        return 0.0

    def skip(self, seconds: float) -> None:
        """Nothing is timed here."""


class Steady:
    """So many transactions a second, evenly and without drift; labels go with them, uncounted."""

    def __init__(self, rate: float, clock: Seconds = time.monotonic) -> None:
        """`rate` is transactions a second, above 0."""
        self._rate = rate
        self._clock = clock
        self._next: float | None = None

    def due(self, times: Times) -> int:
        """As many as have come due since the last were sent."""
        now = self._clock()
        first = now if self._next is None else max(self._next, now - LARGEST_DEBT_S)
        count = max(0, min(len(times), int((now - first) * self._rate + 1)))
        self._next = first + count / self._rate
        return count

    def due_labels(self, times: Times) -> int:
        """All of them."""
        return len(times)

    def wait_s(self, time_ms: int) -> float:
        """Seconds until the next transaction's turn."""
        del time_ms
        return 0.0 if self._next is None else max(0.0, self._next - self._clock())

    def skip(self, seconds: float) -> None:
        """The next one is due so much later."""
        self._next = None if self._next is None else self._next + seconds


class Clock:
    """Rows go as a clock of event time comes to them, which runs `speed` times as fast as real time."""

    def __init__(self, origin_ms: int, speed: float, clock: Seconds = time.monotonic) -> None:
        """It shows `origin_ms` when it is first asked."""
        self._origin_ms = origin_ms
        self._speed = speed
        self._clock = clock
        self._started: float | None = None

    def due(self, times: Times) -> int:
        """Those whose time has come."""
        return int(np.searchsorted(times, self._now_ms(), side="right"))

    due_labels = due

    def wait_s(self, time_ms: int) -> float:
        """Seconds until the clock shows this time."""
        return max(0.0, (time_ms - self._now_ms()) / 1000 / self._speed)

    def skip(self, seconds: float) -> None:
        """The clock stood still so long."""
        self._started = None if self._started is None else self._started + seconds

    def _now_ms(self) -> float:
        if self._started is None:
            self._started = self._clock()
        return self._origin_ms + (self._clock() - self._started) * 1000 * self._speed


class NeverPassingNow:
    """Another pace, but no row goes before its event time: a stream that reaches now goes on in real time."""

    def __init__(self, pace: Pace, wall: Seconds = time.time) -> None:
        """`wall` tells seconds since 1970."""
        self._pace = pace
        self._wall = wall

    def due(self, times: Times) -> int:
        """Those that are due at the other pace and have happened."""
        return self._pace.due(times[: self._happened(times)])

    def due_labels(self, times: Times) -> int:
        """Those that are due at the other pace and have become known."""
        return self._pace.due_labels(times[: self._happened(times)])

    def wait_s(self, time_ms: int) -> float:
        """The longer of both waits."""
        return max(self._pace.wait_s(time_ms), time_ms / 1000 - self._wall())

    def skip(self, seconds: float) -> None:
        """The other pace did not count them; the wall clock went on."""
        self._pace.skip(seconds)

    def _happened(self, times: Times) -> int:
        return int(np.searchsorted(times, self._wall() * 1000, side="right"))


class AfterHistory:
    """Another pace, which begins at `origin_ms`: what happened before goes flat out."""

    def __init__(self, pace: Pace, origin_ms: int) -> None:
        """The other pace is first asked when a row from `origin_ms` on is next."""
        self._pace = pace
        self._origin_ms = origin_ms

    def due(self, times: Times) -> int:
        """All that is history; else what is due at the other pace."""
        return self._history(times) or self._pace.due(times)

    def due_labels(self, times: Times) -> int:
        """All that is history; else what is due at the other pace."""
        return self._history(times) or self._pace.due_labels(times)

    def wait_s(self, time_ms: int) -> float:
        """None for history."""
        return 0.0 if time_ms < self._origin_ms else self._pace.wait_s(time_ms)

    def skip(self, seconds: float) -> None:
        """The other pace did not count them."""
        self._pace.skip(seconds)

    def _history(self, times: Times) -> int:
        return int(np.searchsorted(times, self._origin_ms, side="left"))


class WhileOpen:
    """Another pace, and nothing goes while a gate is closed; what was due meanwhile is not caught up."""

    def __init__(self, pace: Pace, is_open: Callable[[], bool], clock: Seconds = time.monotonic) -> None:
        """`is_open` is asked before everything that may go."""
        self._pace, self._is_open, self._clock = pace, is_open, clock
        self._closed_at: float | None = None

    def due(self, times: Times) -> int:
        """None while the gate is closed."""
        return self._pace.due(times) if self._opened() else 0

    def due_labels(self, times: Times) -> int:
        """None while the gate is closed."""
        return self._pace.due_labels(times) if self._opened() else 0

    def wait_s(self, time_ms: int) -> float:
        """As long as may be, while the gate is closed: nobody knows when it opens."""
        return self._pace.wait_s(time_ms) if self._closed_at is None else float("inf")

    def skip(self, seconds: float) -> None:
        """The other pace did not count them."""
        self._pace.skip(seconds)

    def _opened(self) -> bool:
        if self._is_open():
            if self._closed_at is not None:
                self._pace.skip(self._clock() - self._closed_at)
                self._closed_at = None
            return True
        self._closed_at = self._clock() if self._closed_at is None else self._closed_at
        return False
