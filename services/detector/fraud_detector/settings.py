"""Settings of the detector; names follow Kafka Connect where it has one."""

import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fraud_core.error_handling import ErrorSettings
from fraud_core.settings import CoreSettings, PipelineName, Section
from fraud_core.topics import Topics


class BatchSettings(Section):
    """How much is decided at once, and how often it is committed under load."""

    max_records: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    commit_interval_ms: Annotated[int, Field(ge=1, le=5_000)] = 100


class ModelSettings(Section):
    """A model bundle that decides whatever is rolled out: both its address and its digest.

    Without it the pipeline's rollout says which one decides.
    """

    url: str | None = None
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")


class ReviewSettings(Section):
    """Which shares of decisions that are no alerts are drawn for review; the greatest that fits counts."""

    share: Annotated[float, Field(ge=0, le=1)] = Field(0.001, description="Of all.")
    near_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.02, description="Of those whose score is just below the threshold: as many ranks as alerts have."
    )
    challenger_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="Of those on which only a version alerts that does not decide."
    )


class ExplanationSettings(Section):
    """How much is told of why the model alerts."""

    factors: Annotated[int, Field(ge=0, le=20)] = Field(
        5, description="Features that an alert names, those that moved its score most; 0 saves the time."
    )


class GroupSettings(Section):
    """Timing of the consumer group; the transaction timeout must be below the session timeout.

    Whoever takes a partition over would else wait for what its last worker left open.
    """

    session_timeout_ms: Annotated[int, Field(ge=1_000)] = 15_000
    heartbeat_interval_ms: Annotated[int, Field(ge=100)] = 1_000
    transaction_timeout_ms: Annotated[int, Field(ge=1_000)] = 10_000
    max_poll_interval_ms: Annotated[int, Field(ge=1_000)] = Field(
        60_000, description="So long does a rebalance wait for a worker that hangs, and all others with it."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.transaction_timeout_ms >= self.session_timeout_ms:
            raise ValueError(
                f"transaction_timeout_ms ({self.transaction_timeout_ms}) must be below session_timeout_ms "
                f"({self.session_timeout_ms})"
            )
        if self.max_poll_interval_ms < self.session_timeout_ms:
            raise ValueError(
                f"max_poll_interval_ms ({self.max_poll_interval_ms}) must not be below session_timeout_ms "
                f"({self.session_timeout_ms})"
            )
        return self


class StateSettings(Section):
    """Whether and how often the state is written to `fraud_state`, and what happens when it doesn't fit."""

    durable: bool = Field(
        True,  # noqa: FBT003 - a default
        description="false: nothing is written, and a restart replays all retained input.",
    )
    on_mismatch: Literal["rebuild", "fail"] = Field(
        "rebuild",
        description="Where snapshots or a committed offset can't be used: begin anew with what the input "
        "retains, or stop the worker.",
    )
    snapshot_cycle_records: Annotated[int, Field(ge=1)] = Field(
        100_000, description="Records of a partition within which each of its chunks is written."
    )
    snapshot_cycle_s: Annotated[int, Field(ge=1)] = Field(
        3_600, description="Seconds within which each is written, where that comes first."
    )


class SideSettings(Section):
    """What is known beside the users' own transactions."""

    label_delay_h: Annotated[int, Field(ge=1, le=2_160)] = Field(
        168, description="Hours after which most frauds have a label: merchants are judged by what is older."
    )
    networks: str | None = Field(
        None,
        description="File of IP networks: CSV with network,country,reputation, or a MaxMind DB (.mmdb); "
        "`sample` for a small one that is shipped. It is read again when it changes.",
    )


class ProfileSettings(Section):
    """What SIGUSR1 does: a profile of the running worker."""

    seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        10.0, description="How long a profile takes, unless a second SIGUSR1 ends it."
    )
    directory: Path | None = Field(
        None, description="Gets each profile as a page for a browser too; by default only the log gets it."
    )


class DetectorSettings(CoreSettings):
    """All settings of `fraudstream detector`."""

    pipeline: PipelineName = "fraud-detector"
    worker: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Stable name of this process; no two of one pipeline may share it.",
    )
    rules: Path | None = Field(None, description="YAML file of rules; default: the tutorial's three.")
    model: ModelSettings = ModelSettings()
    review: ReviewSettings = ReviewSettings()
    explanation: ExplanationSettings = ExplanationSettings()
    errors: ErrorSettings = ErrorSettings()
    batch: BatchSettings = BatchSettings()
    group: GroupSettings = GroupSettings()
    state: StateSettings = StateSettings()
    side: SideSettings = SideSettings()
    profile: ProfileSettings = ProfileSettings()

    @field_validator("errors")
    @classmethod
    def _letters_apart(cls, errors: ErrorSettings, info: ValidationInfo) -> ErrorSettings:
        """Dead letters on an input would be read, and be dead letters again, for ever."""
        given, found = errors.deadletterqueue.topic.name, info.data.get("topics")
        if given is not None and found is not None and given in {found.transactions, found.logins}:
            raise ValueError(f"dead letters can't go to the input {given}; name another topic for them")
        return errors

    def dead_letters(self, names: Topics) -> str:
        """The topic of dead letters."""
        return self.errors.deadletterqueue.topic.name or names.dead_letters.name

    @property
    def transactional_id(self) -> str:
        """What the ids begin with: stable across restarts, so that one aborts its own leftovers at once.

        Neither name may hold a slash, so no other worker of any pipeline has the same.
        """
        return f"{self.pipeline}/{self.worker}"
