"""Says in conditions what is, each with reason, message and the generation that it is said of."""

from collections.abc import Sequence
from datetime import datetime

from fraud_operator.api.status import Condition, ConditionStatus, FraudModelStatus, HistoryEntry, Outcome
from fraud_operator.planning.progress import Progress, verification
from fraud_operator.planning.readiness import Readiness
from fraud_operator.planning.starting import NOT_STARTED
from fraud_operator.planning.training import going, outstanding, untrainable
from fraud_operator.planning.versions import MOST_TEXT, entry_of, last_end
from fraud_operator.planning.world import Event, Model

Status = FraudModelStatus
Said = tuple[str, ConditionStatus, str, str]
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
WARNINGS = {
    "RolledBack",
    "TrainingFailed",
    "GateFailed",
    "ProgressDeadlineExceeded",
    "InvalidSpec",
    "PipelineTaken",
    "StepEdited",
    "JobRefused",
    NOT_STARTED,
}
QUIET = {"Ready"}
"""Conditions whose changes are no events: they follow every restart of a worker."""


def described(model: Model, status: Status, progress: Progress, ready: Readiness, now: datetime) -> Status:
    """The same with all conditions."""
    said = (
        _untrainable(model) or _trained(status),
        _verified(model, status),
        ("Progressing", progress.status, progress.reason, progress.message),
        ("Ready", ready.status, ready.reason, ready.message),
        _promoted(model, status, ready),
        _degraded(progress),
    )
    return status.model_copy(
        update={
            "conditions": with_times(status.conditions, said, model.generation, now),
            "observed_generation": model.generation,
            "replicas": ready.replicas,
        }
    )


def with_times(
    before: Sequence[Condition], said: Sequence[Said], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions; the time of the last change stays where nothing changes."""
    known = {condition.type: condition for condition in before}
    return tuple(
        Condition(
            type=name,
            status=status,
            reason=reason,
            message=message[:MOST_TEXT],
            observed_generation=generation,
            last_transition_time=known[name].last_transition_time
            if name in known and known[name].status is status
            else now,
        )
        for name, status, reason, message in said
    )


def told(before: Sequence[Condition], one: Said, generation: int, now: datetime) -> tuple[Condition, ...]:
    """The conditions with one of them said anew; the others stay."""
    [new] = with_times(before, (one,), generation, now)
    known = {condition.type: condition for condition in before}
    return tuple({**known, new.type: new}.values())


def changes(before: Sequence[Condition], after: Sequence[Condition]) -> tuple[Event, ...]:
    """What became otherwise, as events."""
    known = {condition.type: condition.reason for condition in before}
    seen: dict[str, Event] = {}
    for condition in after:
        if condition.type in QUIET or known.get(condition.type) == condition.reason:
            continue
        if condition.status is not UNKNOWN and condition.reason not in {"AsExpected", "NothingYet"}:
            warning = condition.reason in WARNINGS or condition.reason.endswith("Failed")
            seen.setdefault(condition.reason, Event(condition.reason, condition.message, warning))
    return tuple(seen.values())


def _untrainable(model: Model) -> Said | None:
    fault = untrainable(model)
    return ("Trained", FALSE, "InvalidSpec", f"{fault} Until then nothing is trained.") if fault else None


def _trained(status: Status) -> Said:
    training = status.training
    if training is None:
        return "Trained", UNKNOWN, "NothingYet", "No training was started."
    if training.finished_at is None:
        return "Trained", FALSE if training.waiting else UNKNOWN, *going(training)
    if training.failure:
        return "Trained", FALSE, training.failure, status.last_failure or ""
    version = training.version
    if version == status.candidate_version:
        return (
            "Trained",
            TRUE,
            "Trained",
            f"{version} was trained on data until {training.data_until:%Y-%m-%d %H:%M}.",
        )
    entry = entry_of(status, version)
    if version in status.rejected_versions and not (entry and entry.run_id == training.run_id):
        return (
            "Trained",
            TRUE,
            "RejectedBefore",
            f"{version} came out, which was rejected; it is not tried again.",
        )
    return "Trained", TRUE, "Trained", f"{version} was trained last."


def _verified(model: Model, status: Status) -> Said:
    found = verification(model, status)
    if found is None:
        return "Verified", UNKNOWN, "NoCandidate", "There is no candidate."
    return "Verified", TRUE if found.passed else FALSE, found.reason, found.message


def _promoted(model: Model, status: Status, ready: Readiness) -> Said:
    if status.candidate_version:
        return "Promoted", FALSE, "CandidateOnTrial", f"{status.candidate_version} is not promoted yet."
    if model.spec.pinned_version is None and outstanding(model, status):
        return "Promoted", FALSE, *_not_trained(status)
    last = last_end(status)
    if last and last.outcome is Outcome.REJECTED:
        return "Promoted", FALSE, "RolledBack", f"{last.version}: {last.message}"
    stable = entry_of(status, status.stable_version)
    if stable is None or stable.outcome is not Outcome.PROMOTED:
        return "Promoted", UNKNOWN, "NothingYet", "No version was promoted yet."
    if ready.ready or _was_promoted(status, stable):
        return "Promoted", TRUE, "Promoted", f"{stable.version} decides. {stable.message}".strip()
    return "Promoted", UNKNOWN, "Promoting", f"{stable.version} is not run everywhere yet. {ready.message}"


def _not_trained(status: Status) -> tuple[str, str]:
    """What became of the training that the spec asks for, if it was begun."""
    training = status.training
    if training is not None and training.finished_at is None:
        return going(training)
    if training is not None and training.failure:
        return training.failure, status.last_failure or ""
    return "NotTrained", "What the spec asks for is not trained yet."


def _was_promoted(status: Status, stable: HistoryEntry) -> bool:
    """Whether this was true of this very version before: workers that restart take nothing back."""
    return any(
        one.type == "Promoted" and one.status is TRUE and one.last_transition_time >= stable.since
        for one in status.conditions
    )


def _degraded(progress: Progress) -> Said:
    if progress.reason in {"RolledBack", "ProgressDeadlineExceeded", "PinnedVersionUnknown"}:
        return "Degraded", TRUE, progress.reason, progress.message
    return "Degraded", FALSE, "AsExpected", ""
