"""The records of `fraud_status` and `fraud_target_states` as values."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

STALE_AFTER = 3
"""A report that is so many intervals old, or as far ahead of the clock here, counts as UNASSIGNED."""


class State(StrEnum):
    """Kafka Connect's states of connectors and tasks."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"
    STOPPED = "STOPPED"


class Target(StrEnum):
    """What a pipeline may be told."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    RESTART = "restart"


@dataclass(frozen=True)
class Task:
    """One input partition held by a worker.

    Attributes:
        id: the partition.
        trace: why it failed, or what it waits for.
    """

    id: int
    state: State
    trace: str | None = None


class Role(StrEnum):
    """What a version of the model does in a pipeline."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    UNKNOWN = "unknown"


SCORE = "score"
"""Name of the distribution that is of no feature."""


@dataclass(frozen=True)
class Distribution:
    """What a version meets; `schemas/WorkerStatus.avsc` says what each field means."""

    name: str
    usual: tuple[int, ...]
    found: tuple[int, ...]

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """From what Avro has."""
        return cls(record["name"], tuple(record["usual"]), tuple(record["found"]))


@dataclass(frozen=True)
class ModelStatus:
    """One version of the model on a worker; `schemas/WorkerStatus.avsc` says what each field means."""

    version: str
    role: Role
    running: bool = True
    trace: str | None = None
    threshold: float | None = None
    scored: int = 0
    decided: int = 0
    alerts: int = 0
    disagreements: int = 0
    errors: int = 0
    seconds: float = 0.0
    scores: tuple[int, ...] = ()
    distributions: tuple[Distribution, ...] = ()

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """From what Avro has."""
        lists = {
            "scores": tuple(record["scores"]),
            "distributions": tuple(map(Distribution.of, record["distributions"])),
        }
        return cls(**record | {"role": Role(record["role"]), **lists})


@dataclass(frozen=True)
class Serving:
    """Which models a worker runs.

    Attributes:
        model_version: the champion's; None where the rules decide alone.
        rollout_generation: the rollout applied last; None where settings fix the model.
        rollout_problem: why the latest rollout is not applied, or its challenger does not run.
        models: what each version has done.
    """

    model_version: str | None = None
    rollout_generation: int | None = None
    rollout_problem: str | None = None
    models: tuple[ModelStatus, ...] = ()


@dataclass(frozen=True)
class WorkerStatus:
    """A report; `schemas/WorkerStatus.avsc` says what each field means."""

    worker: str
    incarnation: datetime
    pipeline: str
    kind: str
    state: State
    reported_at: datetime
    tasks: tuple[Task, ...] = ()
    version: str | None = None
    model_version: str | None = None
    rollout_generation: int | None = None
    counters: dict[str, float] = field(default_factory=dict)
    interval_ms: int = 3_000
    rollout_problem: str | None = None
    models: tuple[ModelStatus, ...] = ()

    def is_fresh(self, now: datetime) -> bool:
        """Whether the worker can be believed to be alive; not by a clock that is ahead by as much."""
        return abs(now - self.reported_at) <= STALE_AFTER * timedelta(milliseconds=self.interval_ms)

    def to_record(self) -> dict[str, Any]:
        """As Avro has it."""
        # By hand: `asdict` copies every count, which takes milliseconds from the engine's thread.
        models = [
            vars(model) | {"distributions": list(map(vars, model.distributions))} for model in self.models
        ]
        return vars(self) | {"tasks": list(map(vars, self.tasks)), "models": models}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """From what Avro has."""
        tasks = tuple(Task(task["id"], State(task["state"]), task["trace"]) for task in record["tasks"])
        models = tuple(ModelStatus.of(one) for one in record["models"])
        return cls(**record | {"state": State(record["state"]), "tasks": tasks, "models": models})


@dataclass(frozen=True)
class TargetState:
    """What a pipeline shall do; `schemas/TargetState.avsc` says what each field means."""

    pipeline: str
    target: Target
    task: int | None = None
    include_tasks: bool = False
    only_failed: bool = False
    issued_by: str | None = None
    issued_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def key(self) -> str:
        """The record's key: a restart never replaces the state that lasts."""
        if self.target is not Target.RESTART:
            return f"{self.pipeline}/state"
        return f"{self.pipeline}/restart" if self.task is None else f"{self.pipeline}/restart/{self.task}"

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """From what Avro has."""
        return cls(**record | {"target": Target(record["target"])})
