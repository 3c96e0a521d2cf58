"""What detectors said earlier in a step, kept in memory: a candidate that turns bad late is told by it.

The counts of a whole step forget nothing: after a good day a bad hour hardly shows in them. An operator that
starts anew has the whole step at once, and the last part of it once it has seen as much: later, never wrong.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fraud_core.rollouts import Rollout
from fraud_core.rollouts.comparison import compared
from fraud_core.rollouts.windows import Snapshot, since, snapshot
from fraud_operator.planning.world import Model, Recent, World

PARTS = 12
"""Snapshots in a window: it is longer than asked for by less than one part."""


@dataclass(frozen=True)
class History:
    """Snapshots of one step, the oldest first.

    Attributes:
        step: what detectors count by itself.
    """

    step: tuple[object, ...] | None = None
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def since(self) -> datetime | None:
        """When the first was taken."""
        return self.snapshots[0].taken_at if self.snapshots else None


def noted(history: History, model: Model, world: World) -> History:
    """The same with what detectors say now, if it is time; nothing of another step."""
    window, rollout = model.spec.rollout.analysis.window, world.rollout
    if rollout is None or rollout.challenger is None or not window:
        return History()
    step = _step(rollout, model)
    before = history.snapshots if history.step == step else ()
    if before and world.now < before[-1].taken_at + window / PARTS:
        return history
    current = (each for each in world.workers if each.rollout_generation == rollout.generation)
    return History(step, _thinned((*before, snapshot(current, world.now)), world.now))


def remembering(history: History, model: Model, world: World) -> World:
    """The same world with what was seen earlier of the present step."""
    return replace(world, recent=recent(history, model, world), watched_since=history.since)


def recent(history: History, model: Model, world: World) -> Recent | None:
    """The last part of the step that is as long as the window and has enough transactions to be judged.

    Where little is scored it is longer than the window: never shorter, and never judged by fewer.
    """
    limits, rollout = model.spec.rollout.analysis, world.rollout
    if rollout is None or history.step != _step(rollout, model) or not limits.window:
        return None
    for then in reversed(history.snapshots):
        if world.now < then.taken_at + limits.window:
            continue
        workers = since(world.workers, then)
        tried = compared(workers, rollout.generation).challenger
        if tried is not None and tried.scored >= max(1, limits.min_decisions):
            return Recent(then.taken_at, workers)
    return None


def _step(rollout: Rollout, model: Model) -> tuple[object, ...]:
    """As detectors tell steps apart, for whom a new one begins with other limits, too."""
    told = (rollout.champion, rollout.challenger, rollout.mode, rollout.canary_weight, rollout.step)
    return *told, model.status.step_started_at


def _thinned(snapshots: tuple[Snapshot, ...], now: datetime) -> tuple[Snapshot, ...]:
    """Without those whose neighbours lie as close as a part of their age: a long step needs few more."""
    kept: list[Snapshot] = []
    for number, each in enumerate(snapshots):
        later = snapshots[number + 1 : number + 2]
        if kept and later and later[0].taken_at - kept[-1].taken_at <= _apart(kept[-1], now):
            continue
        kept.append(each)
    return tuple(kept)


def _apart(snapshot: Snapshot, now: datetime) -> timedelta:
    return (now - snapshot.taken_at) / PARTS
