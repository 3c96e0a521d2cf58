"""Lets a Job measure the candidate's precision now and then, on what was decided in its present step."""

import hashlib
from datetime import datetime, timedelta

from fraud_operator.api.base import moment, spelled
from fraud_operator.api.spec import Analysis, FraudModelSpec
from fraud_operator.api.status import AnalysisStatus, FraudModelStatus
from fraud_operator.planning.readiness import Readiness
from fraud_operator.planning.starting import explained, held_up
from fraud_operator.planning.training import LOST, MOST_TEXT, NAME_LENGTH, digest
from fraud_operator.planning.world import Event, Measured, Model, RunState, StartJob, World

Status = FraudModelStatus
LEAST_INTERVAL = timedelta(minutes=1)
"""Each Job reads the topics of the step: one a look would do nothing else."""
RETRIES = 2
DEADLINE = "spec.rollout.analysis.deadline"
FIGURES = {
    "labels", "precision", "precision_low", "precision_high", "champion_labels", "champion_precision",
    "champion_precision_low", "champion_precision_high", "failure",
}  # fmt: skip
"""What stands until the next Job has counted anew."""


def observed(status: Status, world: World) -> Status:
    """Take in what the running Job has found, if it is through."""
    if status.step_applied_at is None:
        # Of an operator that counted what was decided in earlier steps, too.
        return status.model_copy(update={"analysis": None})
    found = status.analysis
    run = world.runs.get(found.run_id) if found else None
    if found is None or found.finished_at is not None:
        return status
    update: dict[str, object] = {"finished_at": world.now, "failure": None, "waiting": None}
    if run is None:
        update = {"waiting": world.unmade.get(found.run_id)}
    elif run.state is RunState.ACTIVE:
        update = {"waiting": held_up(run, world.now)}
    elif run.state is RunState.SUCCEEDED and run.measured:
        ours = run.measured.get(found.version, Measured())
        theirs = run.measured.get(status.stable_version or "", Measured())
        update |= _figures("", ours) | _figures("champion_", theirs)
    else:
        update["failure"] = explained(run.failure or LOST, found.waiting, DEADLINE).message[-MOST_TEXT:]
    return status.model_copy(update={"analysis": found.model_copy(update=update)})


def trouble(status: Status) -> str:
    """What keeps the precision from being measured, in words; empty if nothing does."""
    found = status.analysis
    if found is None:
        return ""
    if found.waiting:
        return f"Precision is not measured: {found.job_name} does not start: {found.waiting}"
    return f"The last Job that measures precision failed: {found.failure}" if found.failure else ""


def failed(before: Status, after: Status) -> tuple[Event, ...]:
    """Tell of a measurement that was just seen to fail."""
    known, found = before.analysis, after.analysis
    if known is None or found is None or not found.failure or found.finished_at is None:
        return ()
    if known.run_id != found.run_id or known.finished_at is not None:
        return ()
    return (Event("AnalysisFailed", f"{found.job_name}: {found.failure}", warning=True),)


def _figures(whose: str, found: Measured) -> dict[str, object]:
    return {
        f"{whose}labels": found.labels,
        f"{whose}precision": found.precision,
        f"{whose}precision_low": found.low,
        f"{whose}precision_high": found.high,
    }


def applied(status: Status, world: World, ready: Readiness) -> Status:
    """Note when all detectors were first seen to run the step: until then some may decide as in the last."""
    if status.current_step is None or status.step_applied_at is not None or not ready.ready:
        return status
    return status.model_copy(update={"step_applied_at": world.now})


def started(model: Model, status: Status, world: World) -> Status:
    """Announce a measurement if one is due; the Job follows from the status."""
    limits, found = model.spec.rollout.analysis, status.analysis
    version, since = status.candidate_version, status.step_applied_at
    if limits.min_labels == 0 or since is None or version is None:
        return status
    if not (_due(limits, found, since, world) or _edited(model, found)):
        return status
    number = found.number + 1 if found else 1
    # A version may be tried twice, and a Job of the first time be there still.
    run_id = hashlib.sha256(f"{model.uid}/{version}/{moment(since)}/{number}".encode()).hexdigest()[:10]
    name = f"{model.name[:NAME_LENGTH].rstrip('-.')}-analysis-{run_id}"
    kept = found.model_dump(include=FIGURES) if found else {}
    update = AnalysisStatus(
        **kept,
        version=version,
        run_id=run_id,
        number=number,
        job_name=name,
        given_hash=_given(model.spec),
        started_at=world.now,
    )
    return status.model_copy(update={"analysis": update})


def _due(limits: Analysis, found: AnalysisStatus | None, since: datetime, world: World) -> bool:
    if found and found.finished_at is None:
        return False
    last = found.started_at if found else since
    return world.now >= last + max(limits.interval, LEAST_INTERVAL)


def _edited(model: Model, found: AnalysisStatus | None) -> bool:
    """Whether a Job whose pod does not start may do so with what the spec gives it since."""
    if found is None or found.finished_at is not None or not found.waiting or model.fault:
        return False
    return found.given_hash not in {None, _given(model.spec)}  # None: of an operator that did not note it


def _given(spec: FraudModelSpec) -> str:
    """Digest of what its Job is given and may fail to start for."""
    return digest(spec.training.resources.to_manifest(), spec.rollout.analysis.deadline.total_seconds())


def job(model: Model, status: Status, world: World) -> StartJob | None:
    """The Job of the measurement that is announced, as long as it is not there."""
    found, since = status.analysis, status.step_applied_at
    if found is None or since is None or found.finished_at is not None or found.run_id in world.runs:
        return None
    flags = {
        "--pipeline": model.spec.pipeline,
        "--label-maturity": spelled(model.spec.training.label_maturity),
        "--decided-from": moment(since),
    }
    arguments = ("trainer", "precision", *(part for flag in flags.items() for part in flag))
    deadline_s = int(model.spec.rollout.analysis.deadline.total_seconds())
    return StartJob(
        found.run_id, found.job_name, arguments, RETRIES, deadline_s, model.spec.training.resources
    )
