"""Carries out the acts of a plan in time, undoes them, and keeps count."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from fraud_local.chaos.acts import WAYS, Ground, unfit
from fraud_local.chaos.aim import Sight
from fraud_local.chaos.plan import Act


@dataclass
class Timeline:
    """Acts and their undoing, in order of time.

    Attributes:
        acts: the plan.
        aim: looks for something to break; asked again on the next occasion while it is not there yet.
        done: acts that were carried out, by kind.
        skipped: why some can't be on this machine, by kind.
    """

    ground: Ground
    acts: tuple[Act, ...]
    aim: Callable[[], Sight]
    done: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    _undone: list[tuple[float, int, Act]] = field(default_factory=list)
    _next: int = 0

    def due(self, clock: Callable[[], float]) -> Iterator[str]:
        """Do what is due by a clock that began with the run, and say what was done, a line each.

        An act waits for its aim, and, where time was lost, until its target is back from the last one.

        Raises:
            StackError: broker or registry did not come back.
        """
        yield from self._undo_what_is_due(clock)
        while self._is_due(clock()):
            act = self.acts[self._next]
            sight = self.aim() if WAYS[act.kind].strikes and not unfit(act.kind) else Sight.IN_VAIN
            if sight is Sight.NOT_YET:
                return
            self._next += 1
            yield self._do(act, clock(), sight)
            yield from self._undo_what_is_due(clock)

    def finish(self, clock: Callable[[], float]) -> Iterator[str]:
        """Undo what is not undone yet, and say so.

        Raises:
            StackError: broker or registry did not come back.
        """
        while self._undone:
            yield self._undo(clock)

    @property
    def planned_are_done(self) -> bool:
        """Whether all acts have begun."""
        return self._next == len(self.acts)

    def _is_due(self, now: float) -> bool:
        if self.planned_are_done or self.acts[self._next].at > now:
            return False
        target = self.acts[self._next].target
        return all(act.target != target for _, _, act in self._undone)

    def _undo_what_is_due(self, clock: Callable[[], float]) -> Iterator[str]:
        while self._undone and self._undone[0][0] <= clock():
            yield self._undo(clock)

    def _do(self, act: Act, now: float, sight: Sight) -> str:
        if why := unfit(act.kind):
            self.skipped[act.kind.value] = why
            return f"{now:6.1f} s  {act.kind.value} skipped: {why}"
        way = WAYS[act.kind]
        aimed = ", in an open transaction" if sight is Sight.MET else ""
        way.begin(self.ground, act.target)
        self.done[act.kind.value] += 1
        lasts = ""
        if way.end is not None:
            heappush(self._undone, (now + act.lasts, self._next, act))
            lasts = f" for {act.lasts:.1f} s"
        return f"{now:6.1f} s  {act.kind.value} {act.target}{lasts}{aimed}"

    def _undo(self, clock: Callable[[], float]) -> str:
        _, _, act = heappop(self._undone)
        began, end = clock(), WAYS[act.kind].end
        if end is not None:
            end(self.ground, act.target)
        return f"{began:6.1f} s    {act.target} is back, which took {clock() - began:.1f} s"
