"""The steps of a rollout: where a candidate stands, and whether it may go on."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fraud_core.rollouts import Mode
from fraud_operator.api.base import moment, spelled
from fraud_operator.api.spec import Analysis, FraudModelSpec
from fraud_operator.api.spec import Rollout as RolloutSpec
from fraud_operator.api.status import FraudModelStatus
from fraud_operator.planning import analysis
from fraud_operator.planning.analysis import Verdict
from fraud_operator.planning.history import PARTS

Status = FraudModelStatus
NOTHING = timedelta()
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Step:
    """One step as it is gone through; the shadow is a step of weight 0.

    Attributes:
        weight: percentage of the users that the candidate decides for.
        pause: how long it lasts at least.
        manual: whether a person must approve.
    """

    weight: int
    pause: timedelta = NOTHING
    manual: bool = False

    @property
    def mode(self) -> Mode:
        """What the candidate does in it."""
        return Mode.CANARY if self.weight else Mode.SHADOW


class Go(StrEnum):
    """Why a step goes on or ends, as the reason of Progressing."""

    PAUSING = "Pausing"
    AWAITING_APPROVAL = "AwaitingApproval"
    AWAITING_EVIDENCE = "AwaitingEvidence"
    EDITED = "StepEdited"
    PASSED = "StepPassed"


@dataclass(frozen=True)
class Standing:
    """Whether the present step is passed, and in words what it waits for."""

    go: Go
    message: str = ""


def steps(rollout: RolloutSpec) -> tuple[Step, ...]:
    """All steps in order."""
    shadow = (Step(0, rollout.shadow),) if rollout.shadow else ()
    canary = tuple(
        Step(step.weight, step.pause.duration or NOTHING, step.pause.manual) for step in rollout.canary.steps
    )
    return shadow + canary


def present(status: Status, rollout: RolloutSpec) -> Step:
    """The step that the candidate is in. What was edited away waits for what the step below waits for."""
    weight, known = status.canary_weight, steps(rollout)
    below = [step for step in known if 0 < step.weight <= weight]
    if weight == 0:
        below = [step for step in known if step.weight == 0]
    return replace(below[-1], weight=weight) if below else Step(weight)


def stranded(status: Status, rollout: RolloutSpec) -> bool:
    """Whether the candidate's weight was edited away and none above it is left: it has not been through."""
    weights = [step.weight for step in steps(rollout)]
    return status.canary_weight > max([0, *weights])


def following(status: Status, rollout: RolloutSpec) -> int | None:
    """Number of the step that comes next; None where the candidate is through.

    By weight and not by number: whatever is edited meanwhile, a weight never falls.
    """
    begun, weight = status.current_step is not None, status.canary_weight
    for number, step in enumerate(steps(rollout)):
        if step.weight > weight or not (begun or weight):
            return number
    return None


def entered(status: Status, rollout: RolloutSpec, number: int, now: datetime) -> Status:
    """The same at the beginning of a step, for which workers count anew."""
    step = steps(rollout)[number]
    return status.model_copy(
        update={
            "current_step": number,
            "canary_weight": step.weight,
            "step_started_at": now,
            "step_applied_at": None,
            "step_due_at": None,
            "analysis": None,
        }
    )


def left(status: Status) -> Status:
    """The same without any step."""
    return status.model_copy(
        update={
            "current_step": None,
            "canary_weight": 0,
            "step_started_at": None,
            "step_applied_at": None,
            "step_due_at": None,
            "analysis": None,
        }
    )


def due(status: Status, spec: FraudModelSpec, verdict: Verdict, now: datetime) -> Status:
    """The same with when the step first had all but an operator that has seen its last part.

    It stays noted: operators that end again and again hold up a step by one window, and not for ever.
    """
    if status.step_due_at is not None or _by_itself(status, spec, verdict, now).go is not Go.PASSED:
        return status
    return status.model_copy(update={"step_due_at": now})


def standing(status: Status, spec: FraudModelSpec, verdict: Verdict, now: datetime) -> Standing:
    """Whether the present step is over: its pause, the evidence, an approval, and all of it was seen."""
    found = _by_itself(status, spec, verdict, now)
    if found.go is not Go.PASSED:
        return found
    unseen = _unseen(status, spec.rollout.analysis.window, verdict.watched_since, now)
    return Standing(Go.AWAITING_EVIDENCE, unseen) if unseen else found


def _by_itself(status: Status, spec: FraudModelSpec, verdict: Verdict, now: datetime) -> Standing:
    """The same whatever the operator has seen."""
    step, limits = present(status, spec.rollout), spec.rollout.analysis
    if stranded(status, spec.rollout):  # whatever was approved: that was said of another step
        return Standing(Go.EDITED, _remedy(status))
    until = (status.step_started_at or now) + step.pause
    if now < until:
        return Standing(Go.PAUSING, f"until {moment(until)}")
    if lacking := _lacking(step, status, limits, verdict):
        return Standing(Go.AWAITING_EVIDENCE, lacking)
    if step.manual and spec.approved_version != status.candidate_version:
        return Standing(Go.AWAITING_APPROVAL, f"for spec.approvedVersion: {status.candidate_version}")
    return Standing(Go.PASSED)


def _lacking(step: Step, status: Status, limits: Analysis, verdict: Verdict) -> str | None:
    seen, least = verdict.evidence, limits.min_decisions
    if seen < least:
        return f"{seen:,} of {least:,} transactions"
    # Of what only the candidate alerts on in the shadow few are drawn for review: it would wait for ever.
    return analysis.missing_labels(limits, status.analysis) if step.mode is Mode.CANARY else None


def _unseen(status: Status, window: timedelta, watched: datetime | None, now: datetime) -> str | None:
    """What keeps an operator that began within the step from saying that its last part went well.

    At the latest a window after all else was there: whole steps are held against the limits in any case.
    """
    began = status.step_started_at
    hardly = window / PARTS
    if watched is None or began is None or watched <= began + hardly:
        return None
    until = min(watched, status.step_due_at or now) + window
    if now <= began + window + hardly or now >= until:  # the whole step says it, or all was seen
        return None
    seen = f"as the operator has not seen the last {spelled(window)} of it yet"
    return f"until {moment(until)}, {seen}"


def _remedy(status: Status) -> str:
    return (
        f"spec.rollout.canary.steps has neither {status.canary_weight} nor more. Add such a step to go on, "
        f"or let it decide with spec.pinnedVersion: {status.candidate_version}"
    )


def overdue(status: Status, spec: FraudModelSpec, now: datetime) -> str | None:
    """How long the step has been stuck, in minutes, if that is longer than the deadline."""
    if status.step_started_at is None:
        return None
    late = now - status.step_started_at - present(status, spec.rollout).pause
    return spelled(late - late % MINUTE) if late > spec.rollout.progress_deadline else None
