"""Waits for the moment at which a blow does the most harm."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LEAST, MOST = 2_000, 16_000
LITTLE = 8_000
"""So much left to decide is seconds of work, and no reason not to give more."""
WATCH_S = 0.5
AIM_S = 5.0
FIRST_AIM_S = 30.0
"""Until somebody was met once: a run that never breaks into open work proves little."""


class Sight(StrEnum):
    """What an aim sees."""

    MET = "met"
    NOT_YET = "not yet"
    IN_VAIN = "in vain"


@dataclass
class Aim:
    """Gives the detectors work until some of it is written and not committed.

    It looks and gives, and returns: meanwhile others come back whose time has come, a broker among them. How
    much work it takes is up to the machine: a fast one is through with a burst before anybody has asked
    once. So bursts grow until one was seen at work, and later aims begin with as much. Only who has nothing
    to do gets one: a slow machine would be left with more than it gets through in the time that is left.

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
    _given: int = 0
    _began: float | None = None
    _met_once: bool = False

    def __call__(self) -> Sight:
        """Look for a moment; asked again and again, it is in vain after some seconds.

        Gives the input `MOST` at most for each aim, which ends with another sight than `NOT_YET`.
        """
        if self._began is None:
            self._began, self._given = self.clock(), 0
            if self._seen():
                return self._ended(Sight.MET)
        more = self._give()
        if self._seen():
            return self._ended(Sight.MET)
        if more:
            self._size = min(2 * self._size, MOST // 2)
        patience = AIM_S if self._met_once else FIRST_AIM_S
        return Sight.NOT_YET if self.clock() < self._began + patience else self._ended(Sight.IN_VAIN)

    def _give(self) -> bool:
        size = min(self._size, MOST - self._given)
        if size <= 0 or not self.idle():
            return False
        self.burst(size)
        self._given += size
        return True

    def _seen(self) -> bool:
        until = self.clock() + WATCH_S
        while self.clock() < until:
            if self.working():
                self._met_once = True
                return True
        return False

    def _ended(self, sight: Sight) -> Sight:
        self._began = None
        return sight
