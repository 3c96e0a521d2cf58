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


def explained(failure: Failure, waiting: str | None, deadline: str) -> Failure:
    """The failure, with the setting that is its deadline; a Job whose pod never started took no time."""
    if failure.reason != "DeadlineExceeded":
        return failure
    if waiting is not None:
        return Failure(NOT_STARTED, f"Its pod did not start within {deadline}: {waiting}")
    return Failure(failure.reason, f"It took longer than {deadline}; raise it. {failure.message}".rstrip())
