"""Takes a candidate from step to step, promotes it, or rolls it back."""

from dataclasses import dataclass
from datetime import datetime

from fraud_core.rollouts import BundleRef
from fraud_operator.api.base import moment
from fraud_operator.api.status import ConditionStatus, FraudModelStatus, Outcome
from fraud_operator.planning import gates, precision
from fraud_operator.planning.analysis import Verdict
from fraud_operator.planning.gates import Verified
from fraud_operator.planning.readiness import Readiness
from fraud_operator.planning.steps import (
    Go,
    due,
    entered,
    following,
    left,
    overdue,
    standing,
)
from fraud_operator.planning.training import going, retry_time, untrainable
from fraud_operator.planning.versions import entry_of, last_end, noted, ref_of, rejected
from fraud_operator.planning.world import Model, World

Status = FraudModelStatus


@dataclass(frozen=True)
class Progress:
    """What Progressing says."""

    status: ConditionStatus
    reason: str
    message: str


def verification(model: Model, status: Status) -> Verified | None:
    """Whether the candidate passes the gates; None without a candidate."""
    entry = entry_of(status, status.candidate_version)
    if entry is None:
        return None
    has_parent = entry.parent_version is not None
    return gates.verified(model.spec.gates, status.metrics, has_parent=has_parent)


def pinned(status: Status, ref: BundleRef, world: World) -> tuple[Status, Progress]:
    """Let the pinned version decide; to pin the one before is to roll back and rejects the present one."""
    status = left(status)
    done = Progress(ConditionStatus.FALSE, "Pinned", f"{ref.version} is pinned and decides.")
    if ref.version == status.stable_version:
        return status, done
    stable = ref_of(status, status.stable_version, world)
    if stable and ref.version == status.previous_version:
        status = rejected(status, stable, world.now, f"{ref.version} was pinned instead.")
    return _champion(status, ref, world.now, "It was pinned."), done


def advanced(
    model: Model, status: Status, world: World, verdict: Verdict, ready: Readiness
) -> tuple[Status, Progress]:
    """One step further, where all is there that it needs; a version that is pinned is not known here."""
    candidate = ref_of(status, status.candidate_version, world)
    if candidate is not None and status.current_step is not None and verdict.broken:
        return _rolled_back(status, candidate, verdict, world.now)
    if model.spec.pinned_version is not None:
        return status, _unknown(model.spec.pinned_version, status)
    if candidate is None:
        return status, _at_rest(model, status)
    if model.fault:
        message = f"{model.fault} Until then no step is taken: {_place(status)} is held."
        return status, Progress(ConditionStatus.FALSE, "InvalidSpec", message)
    if model.spec.paused:
        return status, Progress(ConditionStatus.FALSE, "Paused", f"spec.paused holds {candidate.version}.")
    begun = status.current_step is not None
    if begun and _held(status, world, ready) is None:
        status = due(status, model.spec, verdict, world.now)
    stays = _in_step(model, status, world, verdict, ready) if begun else _before(model, status)
    return (status, stays) if stays else _further(model, status, candidate, world, verdict)


def _unknown(version: str, status: Status) -> Progress:
    message = f"{version} is in no store that is known here; `fraudstream models list` shows which are."
    if status.current_step is not None:
        message += f" Until then no step is taken: {_place(status)} is held."
    return Progress(ConditionStatus.FALSE, "PinnedVersionUnknown", message)


def _before(model: Model, status: Status) -> Progress | None:
    """What keeps a candidate from its first step."""
    found = verification(model, status)
    if found is None or found.passed:
        return None
    return Progress(ConditionStatus.FALSE, found.reason, found.message)


def _in_step(
    model: Model, status: Status, world: World, verdict: Verdict, ready: Readiness
) -> Progress | None:
    """What keeps a candidate in its step."""
    if held := _held(status, world, ready):
        return _in_time(model, status, world.now, held)
    now = standing(status, model.spec, verdict, world.now)
    if now.go is Go.PASSED:
        return None
    return _waiting(model, status, verdict, world.now, now.go, now.message)


def _further(
    model: Model, status: Status, candidate: BundleRef, world: World, verdict: Verdict
) -> tuple[Status, Progress]:
    number = following(status, model.spec.rollout)
    if number is None:
        status = _champion(status, candidate, world.now, verdict.figures)
        return status, Progress(ConditionStatus.TRUE, "Promoting", f"{candidate.version} is promoted.")
    status = entered(status, model.spec.rollout, number, world.now)
    return status, Progress(ConditionStatus.TRUE, "StepBegun", f"{_place(status)} begins.")


def _champion(status: Status, ref: BundleRef, now: datetime, message: str) -> Status:
    """The same with this version as the one that decides."""
    status = noted(left(status), ref, Outcome.PROMOTED, now, message)
    candidate = status.candidate_version
    return status.model_copy(
        update={
            "stable_version": ref.version,
            "previous_version": status.stable_version,
            "candidate_version": None if candidate == ref.version else candidate,
            "rejected_versions": tuple(one for one in status.rejected_versions if one != ref.version),
        }
    )


def _rolled_back(
    status: Status, candidate: BundleRef, verdict: Verdict, now: datetime
) -> tuple[Status, Progress]:
    where = _place(status)
    message = f"{'; '.join(verdict.broken)}. At {where}: {verdict.figures}."
    status = rejected(left(status), candidate, now, message)
    status = status.model_copy(update={"candidate_version": None})
    return status, Progress(ConditionStatus.FALSE, "RolledBack", f"{candidate.version}: {message}")


def _held(status: Status, world: World, ready: Readiness) -> str | None:
    """Why nothing may be concluded from what workers say; None if it may."""
    if not ready.ready:
        return ready.message
    if world.rollout is None or world.rollout.generation != status.rollout_generation:
        return "The rollout of this step is not written yet."
    return None


def _in_time(model: Model, status: Status, now: datetime, why: str) -> Progress:
    message = f"{_place(status)} is held: {why}"
    if late := overdue(status, model.spec, now):
        return Progress(ConditionStatus.FALSE, "ProgressDeadlineExceeded", f"For {late}: {message}")
    return Progress(ConditionStatus.FALSE, "WorkersNotReporting", message)


def _waiting(model: Model, status: Status, verdict: Verdict, now: datetime, go: Go, message: str) -> Progress:
    figures = f" ({verdict.evidence:,} transactions in this step)" if go is Go.PAUSING else ""
    text = f"{_place(status)}: {_WORDS[go]} {message}{figures}. {precision.trouble(status)}".strip()
    late = overdue(status, model.spec, now)
    if late and go is Go.AWAITING_EVIDENCE:
        return Progress(ConditionStatus.FALSE, "ProgressDeadlineExceeded", f"For {late}: {text}")
    holds = ConditionStatus.FALSE if go is Go.EDITED else ConditionStatus.TRUE
    return Progress(holds, go.value, text)


_WORDS = {
    Go.PAUSING: "pauses",
    Go.AWAITING_APPROVAL: "waits",
    Go.AWAITING_EVIDENCE: "waits for evidence,",
    Go.EDITED: "is held,",
    Go.PASSED: "passed",
}


def _place(status: Status) -> str:
    """`shadow of X`, or `canary of X at 5 %`."""
    if status.canary_weight:
        return f"canary of {status.candidate_version} at {status.canary_weight} %"
    return f"shadow of {status.candidate_version}"


def _at_rest(model: Model, status: Status) -> Progress:
    training = status.training
    if training is not None and training.finished_at is None:
        begins = ConditionStatus.FALSE if training.waiting else ConditionStatus.TRUE
        return Progress(begins, *going(training))
    last = last_end(status)
    if last and last.outcome is Outcome.REJECTED:
        return Progress(ConditionStatus.FALSE, "RolledBack", f"{last.version}: {last.message}")
    if fault := untrainable(model):
        return Progress(ConditionStatus.FALSE, "InvalidSpec", fault)
    stable = status.stable_version
    decides = f"{stable} decides." if stable else "The rules decide alone."
    if training is not None and training.failure:
        first = (status.last_failure or "").strip().partition("\n")[0]
        again = retry_time(training)
        later = f" It is tried again at {moment(again)}." if again else ""
        return Progress(ConditionStatus.FALSE, training.failure, f"Training failed: {first}{later} {decides}")
    return Progress(ConditionStatus.FALSE, "Complete", decides)
