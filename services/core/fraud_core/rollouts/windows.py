"""What workers have counted since an earlier moment of the same step: the difference of two reports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fraud_core.connect.records import ModelStatus, WorkerStatus

COUNTS = ("scored", "decided", "alerts", "disagreements", "errors", "seconds")


@dataclass(frozen=True)
class Snapshot:
    """What workers said at one moment.

    Attributes:
        taken_at: wall-clock time, UTC.
        workers: their reports, by name.
    """

    taken_at: datetime
    workers: Mapping[str, WorkerStatus]


def snapshot(workers: Iterable[WorkerStatus], now: datetime) -> Snapshot:
    """Their counts, to be kept: without all that makes a report large."""
    return Snapshot(now, {each.worker: _slim(each) for each in workers})


def since(now: Iterable[WorkerStatus], then: Snapshot) -> tuple[WorkerStatus, ...]:
    """Reports with what was counted since then alone.

    Counts go on as long as neither process nor step changes. A process that began later has counted all that
    it has since then. What any other one has counted since then is not known, and it is left out: one that
    was silent, or ran another rollout. So the difference may lack something and never has too much.
    """
    found = (_since(each, then) for each in now)
    return tuple(each for each in found if each is not None)


def _since(now: WorkerStatus, then: Snapshot) -> WorkerStatus | None:
    before = then.workers.get(now.worker)
    if before is None or before.incarnation != now.incarnation:
        return now if now.incarnation >= then.taken_at else None
    known = {(model.role, model.version): model for model in before.models}
    models = [_less(model, known.get((model.role, model.version))) for model in now.models]
    counted = tuple(model for model in models if model is not None)
    return replace(now, models=counted) if len(counted) == len(models) else None


def _less(now: ModelStatus, then: ModelStatus | None) -> ModelStatus | None:
    """What came to the counts; None where one fell, which then began anew."""
    if then is None or len(then.scores) != len(now.scores):
        return None
    more = {name: getattr(now, name) - getattr(then, name) for name in COUNTS}
    scores = tuple(after - before for before, after in zip(then.scores, now.scores, strict=True))
    return None if min(*more.values(), *scores, 0) < 0 else replace(now, **more, scores=scores)


def _slim(status: WorkerStatus) -> WorkerStatus:
    models = tuple(replace(model, distributions=()) for model in status.models)
    return replace(status, tasks=(), counters={}, models=models)
