"""`FraudModel.status`: what the operator has done and what workers report."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from fraud_operator.api.base import Part, Time

MOST_REJECTED = 50


class Outcome(StrEnum):
    """What became of a version."""

    CANDIDATE = "Candidate"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"
    ADOPTED = "Adopted"


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Part):
    """One thing that holds or does not."""

    type: str = Field(description="Trained, Verified, Progressing, Ready, Promoted or Degraded.")
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(default="", description="Why, in a sentence.")
    observed_generation: int = Field(description="Generation of the spec that this is said of.")
    last_transition_time: Time = Field(description="When the status changed last.")


class TrainingStatus(Part):
    """The training that was started last."""

    run_id: str = Field(
        alias="runID", description="Identity of the run; the Job has it as label fraudstream.dev/run-id."
    )
    number: int = Field(description="Counts the runs of this FraudModel.")
    hash: str = Field(
        description="Digest of what the training depends on: algorithm, hyperparameters, features, window, "
        "label delay and maturity, alert budget and nonce. Another one trains again."
    )
    given_hash: str | None = Field(
        default=None,
        description="Digest of what else its Job was given: minSamples, retries, deadline and resources. "
        "Another one tries again what failed.",
    )
    cause: str = Field(description="FirstTraining, SpecChanged, Schedule, Labels or Retry.")
    job_name: str = Field(description="The Job.")
    attempt: int = Field(default=1, description="Pods that were tried so far.")
    started_at: Time = Field(description="When it was started.")
    finished_at: Time | None = Field(default=None, description="When its end was seen.")
    data_until: Time | None = Field(default=None, description="Event time at which its data ends.")
    labels: int | None = Field(
        default=None, description="Records on the labels' topic when it was started, for retrainAfterLabels."
    )
    version: str | None = Field(default=None, description="The version that came out.")
    failure: str | None = Field(default=None, description="Reason of its failure, in one word.")
    retries: int = Field(default=0, description="Trainings before it that failed for what passes with time.")
    waiting: str | None = Field(
        default=None, description="What keeps its Job from being made, or its pod from starting."
    )


class AnalysisStatus(Part):
    """What is known of the candidate's precision in the present step."""

    run_id: str = Field(alias="runID", description="Identity of the run that measures.")
    number: int = Field(description="Counts the runs in this step.")
    version: str = Field(description="The candidate that is measured.")
    job_name: str = Field(description="The Job.")
    given_hash: str | None = Field(
        default=None,
        description="Digest of the resources and the deadline that its Job was given. With others, one whose "
        "pod does not start is begun anew.",
    )
    started_at: Time = Field(description="When it was started.")
    finished_at: Time | None = Field(default=None, description="When its end was seen.")
    labels: int = Field(
        default=0,
        description="Labelled alerts of the candidate, decided in this step and old enough to count.",
    )
    precision: float | None = Field(default=None, description="Share of frauds among them.")
    precision_low: float | None = Field(default=None, description="Lower end of its interval of 95 %.")
    precision_high: float | None = Field(default=None, description="Upper end of its interval of 95 %.")
    champion_labels: int = Field(default=0, description="Labelled alerts of the champion.")
    champion_precision: float | None = Field(default=None, description="Share of frauds among them.")
    champion_precision_low: float | None = Field(
        default=None, description="Lower end of its interval of 95 %."
    )
    champion_precision_high: float | None = Field(
        default=None, description="Upper end of its interval of 95 %."
    )
    failure: str | None = Field(default=None, description="Why it failed, or the one before it.")
    waiting: str | None = Field(
        default=None, description="What keeps its Job from being made, or its pod from starting."
    )


class Replicas(Part):
    """Detectors that report."""

    updated: int = Field(default=0, description="Those that run the rollout's generation.")
    total: int = Field(default=0, description="All that report.")


class HistoryEntry(Part):
    """A version that was trained or found."""

    version: str = Field(description="Identity of the bundle.")
    url: str = Field(description="Where the bundle is.")
    sha256: str = Field(description="Digest of its manifest.")
    run_id: str | None = Field(
        default=None, alias="runID", description="The run that trained it; none if it was found."
    )
    parent_version: str | None = Field(
        default=None, description="The champion that it was compared with in training."
    )
    outcome: Outcome = Field(description="Candidate, Promoted, Rejected, Superseded or Adopted.")
    message: str = Field(default="", description="Why, with the figures.")
    since: Time = Field(description="When that became of it.")


class FraudModelStatus(Part):
    """What is."""

    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that was acted upon."
    )
    stable_version: str | None = Field(
        default=None, description="The version that decides; none where the rules decide alone."
    )
    candidate_version: str | None = Field(default=None, description="The version that is tried, or waits.")
    previous_version: str | None = Field(default=None, description="The version that decided before.")
    rejected_versions: tuple[str, ...] = Field(
        default=(),
        description="Versions that are not tried again, the newest first.",
        max_length=MOST_REJECTED,
    )
    canary_weight: int = Field(
        default=0, description="Percentage of the users that the candidate decides for."
    )
    current_step: int | None = Field(
        default=None, description="Step of the rollout, from 0, the shadow among them; none before and after."
    )
    step_started_at: Time | None = Field(default=None, description="When the step began.")
    step_applied_at: Time | None = Field(
        default=None,
        description="When all detectors were first seen to run the step; precision counts from then on.",
    )
    step_due_at: Time | None = Field(
        default=None,
        description="When the step had all that it waits for, but an operator that has seen the last "
        "analysis.window of it; so much later it is over even so.",
    )
    rollout_generation: int | None = Field(
        default=None, description="Generation of the rollout that is wanted; workers report the one they run."
    )
    training: TrainingStatus | None = Field(default=None, description="The training started last.")
    analysis: AnalysisStatus | None = Field(
        default=None, description="Precision of the candidate in this step."
    )
    metrics: Mapping[str, float] = Field(
        default={}, description="The candidate's figures on the rows that tested it, or the stable version's."
    )
    replicas: Replicas = Field(default=Replicas(), description="Detectors on the rollout, and all.")
    trained_hash: str | None = Field(
        default=None, description="training.hash of the training that ended well last."
    )
    last_training_time: Time | None = Field(default=None, description="When a training ended well.")
    next_training_time: Time | None = Field(
        default=None, description="When it trains again, by schedule or after a failure that may pass."
    )
    last_failure: str | None = Field(
        default=None, description="Last lines of the training that failed last, until one succeeds."
    )
    history: tuple[HistoryEntry, ...] = Field(
        default=(), description="Versions, the newest first.", max_length=200
    )
    conditions: tuple[Condition, ...] = Field(
        default=(), description="Trained, Verified, Progressing, Ready, Promoted and Degraded."
    )
