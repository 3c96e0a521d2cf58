"""Whether a Job starts at all: what keeps it from that is no matter of training."""

from datetime import datetime, timedelta

from fraud_operator.planning.world import Failure, Run, Waiting

NOT_STARTED = "JobNotStarted"
PATIENCE = {
    "ContainerCreating": timedelta(minutes=10),
    "PodInitializing": timedelta(minutes=10),
    "Unschedulable": timedelta(minutes=3),
}
"""So long after it was made a pod may wait for that. The first two every pod goes through, and one that stays
there lacks a volume, which its events name; for the third a cluster may be adding a node."""


def held_up(run: Run, now: datetime) -> str | None:
    """What keeps the newest pod of a Job from starting; None if nothing does, or not for long."""
    waiting = run.waiting
    if waiting is None or now < waiting.since + PATIENCE.get(waiting.reason, timedelta()):
        return None
    return said(waiting)


def said(waiting: Waiting) -> str:
    """In words."""
    text = waiting.message or "`kubectl describe pod` shows why"
    return f"{waiting.reason}: {text.rstrip('.')}."


def explained(failure: Failure, waiting: str | None) -> Failure:
    """The failure; that of a Job whose pod never started is not the time that it took."""
    if failure.reason != "DeadlineExceeded" or waiting is None:
        return failure
    return Failure(NOT_STARTED, f"Its pod did not start within spec.training.deadline: {waiting}")
