"""Waits for the moment at which a blow does the most harm."""

import time
from collections.abc import Callable
from dataclasses import dataclass

LEAST, MOST = 2_000, 16_000
LITTLE = 8_000
"""So much left to decide is seconds of work, and no reason not to give more."""
LOOK_S = 0.2
WATCH_S = 0.5
AIM_S = 3.0


@dataclass
class Aim:
    """Gives the detectors work until some of it is written and not committed.

    How much it takes is up to the machine: a fast one is through with a burst before anybody has asked once.
    So bursts grow until one was seen at work, and later aims begin with as much. Only who has nothing to do
    gets one: a slow machine would be left with more than it gets through in the time that is left.

    Attributes:
        burst: produces so many transactions at once.
        working: whether there is an open transaction.
        idle: whether the input is decided, but for a little.
    """

    burst: Callable[[int], None]
    working: Callable[[], bool]
    idle: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    _size: int = LEAST

    def __call__(self) -> bool:
        """Whether it was met; false where nobody works.

        Gives up after a few seconds, and gives the input `MOST` at most each time.
        """
        if self._seen(self.clock() + LOOK_S):
            return True
        given, give_up = 0, self.clock() + AIM_S
        while True:
            size = min(self._size, MOST - given)
            if more := size > 0 and self.idle():
                self.burst(size)
                given += size
            if self._seen(min(self.clock() + WATCH_S, give_up)):
                return True
            if self.clock() >= give_up:
                return False
            if more:
                self._size = min(2 * self._size, MOST // 2)

    def _seen(self, until: float) -> bool:
        while self.clock() < until:
            if self.working():
                return True
        return False
