"""Lets a Job measure the candidate's precision now and then, on what was decided since its step began."""

import hashlib

from fraud_operator.api.base import moment, spelled
from fraud_operator.api.spec import Resources
from fraud_operator.api.status import AnalysisStatus, FraudModelStatus
from fraud_operator.planning.training import LOST, MOST_TEXT, NAME_LENGTH
from fraud_operator.planning.world import Measured, Model, RunState, StartJob, World

Status = FraudModelStatus
DEADLINE_S = 3_600
RETRIES = 2
FIGURES = {"labels", "precision", "champion_labels", "champion_precision", "failure"}
"""What stands until the next Job has counted anew."""


def observed(status: Status, world: World) -> Status:
    """Take in what the running Job has found, if it is through."""
    found = status.analysis
    run = world.runs.get(found.run_id) if found else None
    if found is None or found.finished_at is not None or run is None or run.state is RunState.ACTIVE:
        return status
    update: dict[str, object] = {"finished_at": world.now, "failure": None}
    if run.state is RunState.SUCCEEDED and run.measured:
        ours = run.measured.get(found.version, Measured())
        theirs = run.measured.get(status.stable_version or "", Measured())
        update |= {"labels": ours.labels, "precision": ours.precision}
        update |= {"champion_labels": theirs.labels, "champion_precision": theirs.precision}
    else:
        update["failure"] = (run.failure or LOST).message[-MOST_TEXT:]
    return status.model_copy(update={"analysis": found.model_copy(update=update)})


def started(model: Model, status: Status, world: World) -> Status:
    """Announce a measurement if one is due; the Job follows from the status."""
    limits, found = model.spec.rollout.analysis, status.analysis
    version, begun = status.candidate_version, status.step_started_at
    if limits.min_labels == 0 or begun is None or version is None:
        return status
    last = found.started_at if found else begun
    if (found and found.finished_at is None) or world.now < last + limits.interval:
        return status
    number = found.number + 1 if found else 1
    # A version may be tried twice, and a Job of the first time be there still.
    run_id = hashlib.sha256(f"{model.uid}/{version}/{moment(begun)}/{number}".encode()).hexdigest()[:10]
    name = f"{model.name[:NAME_LENGTH].rstrip('-.')}-analysis-{run_id}"
    kept = found.model_dump(include=FIGURES) if found else {}
    update = AnalysisStatus(
        **kept, version=version, run_id=run_id, number=number, job_name=name, started_at=world.now
    )
    return status.model_copy(update={"analysis": update})


def job(model: Model, status: Status, world: World) -> StartJob | None:
    """The Job of the measurement that is announced, as long as it is not there."""
    found, begun = status.analysis, status.step_started_at
    if found is None or begun is None or found.finished_at is not None or found.run_id in world.runs:
        return None
    flags = {
        "--pipeline": model.spec.pipeline,
        "--label-maturity": spelled(model.spec.training.label_maturity),
        "--decided-from": moment(begun),
    }
    arguments = ("trainer", "precision", *(part for flag in flags.items() for part in flag))
    return StartJob(found.run_id, found.job_name, arguments, RETRIES, DEADLINE_S, Resources())
