"""When a version is trained, and what becomes of it."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from fraud_core.rollouts import BundleRef
from fraud_operator.api.base import spelled
from fraud_operator.api.spec import FraudModelSpec
from fraud_operator.api.status import FraudModelStatus, Outcome, TrainingStatus
from fraud_operator.planning.starting import NOT_STARTED, explained, held_up
from fraud_operator.planning.steps import left
from fraud_operator.planning.versions import entry_of, noted
from fraud_operator.planning.world import Failure, Model, RunState, StartJob, Trained, World

Status = FraudModelStatus
LOST = Failure(
    "ResultLost",
    "The Job succeeded, and what its pod said is gone. Set spec.retrainNonce to train again.",
)
REFUSED = "JobRefused"
DEADLINE = "spec.training.deadline"
PASSING = {"NotEnoughSamples", "NothingToLearnFrom", "Unavailable", REFUSED, NOT_STARTED}
"""Failures that time may mend: what a new pipeline lacks comes by itself, a quota gets room, a registry its
image."""
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=6)
MOST_TEXT = 2_000
NAME_LENGTH = 40


def training_hash(spec: FraudModelSpec) -> str:
    """Digest of all that a training depends on; a changed rollout changes nothing here."""
    training = spec.training
    return digest(
        spec.algorithm,
        dict(spec.hyperparameters),
        list(spec.features),
        training.window.total_seconds(),
        training.label_delay.total_seconds(),
        training.label_maturity.total_seconds(),
        training.alert_budget,
        spec.retrain_nonce,
    )


def given_hash(spec: FraudModelSpec) -> str:
    """Digest of what else its Job is given, and may have failed for; it changes no version that comes out."""
    training = spec.training
    return digest(
        training.min_samples,
        training.retries,
        training.deadline.total_seconds(),
        training.resources.to_manifest(),
    )


def digest(*parts: object) -> str:
    """Of what JSON can say, in one short word."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def schedule_fault(schedule: str | None) -> str | None:
    """What is wrong with the cron expression; None if nothing is."""
    if schedule is None:
        return None
    try:
        next(CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        return f"spec.training.schedule: {schedule!r} is no cron expression ({error}); write `0 3 * * 1`."
    return None


def untrainable(model: Model) -> str | None:
    """Why nothing is trained as it stands; None if it may be."""
    return model.fault or schedule_fault(model.spec.training.schedule)


def next_time(schedule: str | None, after: datetime) -> datetime | None:
    """When the schedule fires next; never where it is none."""
    if schedule is None or schedule_fault(schedule):
        return None
    return next(CronSim(schedule, after.astimezone(UTC)))


def outstanding(model: Model, status: Status) -> bool:
    """Whether what the spec asks for was not trained yet; what is trained anew by schedule or labels was."""
    training, wanted = status.training, training_hash(model.spec)
    if status.trained_hash is not None or training is None:
        return status.trained_hash != wanted
    # Of an operator that did not note it.
    known = training.version is not None or training.cause in {"Schedule", "Labels"}
    return training.hash != wanted or not known


def observed(status: Status, world: World) -> Status:
    """Take in how the running training has ended, if it has."""
    training = status.training
    run = world.runs.get(training.run_id) if training else None
    if training is None or training.finished_at is not None:
        return status
    if run is None:
        update = {"waiting": world.unmade.get(training.run_id)}
        return status.model_copy(update={"training": training.model_copy(update=update)})
    training = training.model_copy(update={"attempt": run.attempt})
    if run.state is RunState.ACTIVE:
        waiting = held_up(run, world.now)
        return status.model_copy(update={"training": training.model_copy(update={"waiting": waiting})})
    waited = training.waiting  # the pod of a Job that is past its deadline is gone
    training = training.model_copy(update={"finished_at": world.now, "waiting": None})
    if run.state is RunState.SUCCEEDED and run.trained:
        return _succeeded(status, training, run.trained, world)
    return _failed(status, training, explained(run.failure or LOST, waited, DEADLINE))


def going(training: TrainingStatus) -> tuple[str, str]:
    """What a training that is not through does, as reason and message."""
    if training.waiting is None:
        pod = f", pod {training.attempt}" if training.attempt > 1 else ""
        return "Training", f"{training.job_name} trains{pod} ({training.cause})."
    return NOT_STARTED, f"{training.job_name} does not start ({training.cause}): {training.waiting}"


def _failed(status: Status, training: TrainingStatus, failure: Failure) -> Status:
    return status.model_copy(
        update={
            "training": training.model_copy(update={"failure": failure.reason}),
            "last_failure": failure.message[-MOST_TEXT:],
        }
    )


def _succeeded(status: Status, training: TrainingStatus, trained: Trained, world: World) -> Status:
    version = trained.ref.version
    training = training.model_copy(update={"data_until": trained.data_until, "version": version})
    status = status.model_copy(
        update={
            "training": training,
            "trained_hash": training.hash,
            "last_training_time": world.now,
            "last_failure": None,
        }
    )
    if version in {status.stable_version, *status.rejected_versions}:
        return status
    status = _superseded(status, version, world.now)
    status = noted(
        status,
        trained.ref,
        Outcome.CANDIDATE,
        world.now,
        run_id=training.run_id,
        parent_version=trained.parent_version,
    )
    same = status.candidate_version == version
    status = status if same else left(status)
    return status.model_copy(update={"candidate_version": version, "metrics": dict(trained.metrics)})


def _superseded(status: Status, version: str, now: datetime) -> Status:
    before = entry_of(status, status.candidate_version)
    if before is None or before.version == version:
        return status
    ref = BundleRef(before.version, before.url, before.sha256)
    return noted(status, ref, Outcome.SUPERSEDED, now, f"{version} was trained before it was through.")


def started(model: Model, status: Status, world: World) -> Status:
    """Announce a training if one is due; the Job follows from the status."""
    status = _given(model, status, world)
    cause = _cause(model, status, world)
    if cause is None:
        return status
    before = status.training
    number = before.number + 1 if before else 1
    wanted = training_hash(model.spec)
    run_id = hashlib.sha256(f"{model.uid}/{wanted}/{number}".encode()).hexdigest()[:10]
    training = TrainingStatus(
        run_id=run_id,
        number=number,
        hash=wanted,
        given_hash=given_hash(model.spec),
        cause=cause,
        job_name=f"{model.name[:NAME_LENGTH].rstrip('-.')}-train-{run_id}",
        started_at=world.now,
        labels=world.labels,
        retries=before.retries + 1 if before and cause == "Retry" else 0,
    )
    return status.model_copy(update={"training": training})


def _given(model: Model, status: Status, world: World) -> Status:
    """Note what the Job is given, which is what the spec says when it is made.

    An operator of before did not note it: its Job is taken for one of the present spec, so that no edit of
    anything else trains again what failed.
    """
    training = status.training
    if training is None or model.fault:
        return status
    if training.given_hash is not None and not _unmade(training, world):
        return status
    given = training.model_copy(update={"given_hash": given_hash(model.spec)})
    return status.model_copy(update={"training": given})


def _unmade(training: TrainingStatus, world: World) -> bool:
    return training.finished_at is None and training.run_id not in world.runs


def _cause(model: Model, status: Status, world: World) -> str | None:
    spec, training = model.spec, status.training
    if spec.paused or untrainable(model):
        return None
    if training is None:
        return "FirstTraining"
    if training.hash != training_hash(spec):
        return "SpecChanged"
    if training.finished_at is None:
        # A pod that asks for more than any node has waits on, whatever the spec says since.
        return "Retry" if training.waiting and training.given_hash != given_hash(spec) else None
    # What the spec asks for is retried beside a candidate on trial, too: its edit gave that one up.
    waits = status.current_step is not None and not outstanding(model, status)
    return None if waits else _again(spec, training, status, world)


def _again(spec: FraudModelSpec, last: TrainingStatus, status: Status, world: World) -> str | None:
    """Why what was trained is trained again, unchanged.

    Not by schedule or labels while a candidate is being rolled out: the next one would take its place, and
    where steps wait for labels none would ever get through.
    """
    if last.failure and last.given_hash != given_hash(spec):
        return "Retry"  # what was edited may be what it failed for: memory, deadline, minSamples
    retry = retry_time(last)
    if retry is not None and retry <= world.now:
        return "Retry"
    if status.current_step is not None:
        return None
    wanted = spec.training
    due = next_time(wanted.schedule, last.started_at)
    if due is not None and due <= world.now:
        return "Schedule"
    fresh = 0 if world.labels is None or last.labels is None else world.labels - last.labels
    return "Labels" if 0 < wanted.retrain_after_labels <= fresh else None


def retry_time(training: TrainingStatus | None) -> datetime | None:
    """When a training that failed is tried again: later each time; None if it is not."""
    if training is None or training.finished_at is None or training.failure not in PASSING:
        return None
    doubled: timedelta = FIRST_RETRY * 2 ** min(training.retries, 20)
    return training.finished_at + min(doubled, LONGEST_RETRY)


def job(model: Model, status: Status, world: World) -> StartJob | None:
    """The Job of the training that is announced, as long as it is not there."""
    training = status.training
    if training is None or not _unmade(training, world) or model.fault:
        return None
    return StartJob(
        run_id=training.run_id,
        job_name=training.job_name,
        arguments=arguments(model.spec),
        retries=model.spec.training.retries,
        deadline_s=int(model.spec.training.deadline.total_seconds()),
        resources=model.spec.training.resources,
    )


def arguments(spec: FraudModelSpec) -> tuple[str, ...]:
    """Those of `fraudstream trainer`."""
    training = spec.training
    pairs = {
        "--pipeline": spec.pipeline,
        "--algorithm": spec.algorithm,
        "--window": spelled(training.window),
        "--label-delay": spelled(training.label_delay),
        "--label-maturity": spelled(training.label_maturity),
        "--threshold": repr(training.alert_budget),
        "--min-samples": str(training.min_samples),
    }
    flags = [text for pair in pairs.items() for text in pair]
    for name, value in sorted(spec.hyperparameters.items()):
        flags += ["--set", f"{name}={json.dumps(value)}"]
    for name in spec.features:
        flags += ["--feature", name]
    return ("trainer", "train", *flags)


def upcoming(model: Model, status: Status) -> datetime | None:
    """When it is trained again, by schedule or after a failure that may pass."""
    if untrainable(model):
        return None
    since = status.training.started_at if status.training else model.created
    times = (next_time(model.spec.training.schedule, since), retry_time(status.training))
    return min((time for time in times if time is not None), default=None)
