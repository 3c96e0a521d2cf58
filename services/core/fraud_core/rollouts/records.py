"""The records of `fraud_rollouts` as values."""

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

CLI = "cli"
"""Manager of a rollout that no FraudModel manages."""


class Mode(StrEnum):
    """What a challenger does."""

    NONE = "none"
    SHADOW = "shadow"
    CANARY = "canary"


@dataclass(frozen=True)
class BundleRef:
    """A bundle, where it is, and what it must be.

    Attributes:
        version: its identity.
        url: where it is kept.
        sha256: digest of its manifest, which pins the model in turn.
    """

    version: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Limits:
    """What a worker drops a challenger for by itself.

    Attributes:
        min_decisions: transactions that it must have scored before it is judged.
        max_alert_rate: greatest share of these on which it may alert, 0 to 1.
        max_scoring_us: greatest mean time to score one of these, in microseconds.
    """

    min_decisions: int = 1_000
    max_alert_rate: float | None = None
    max_scoring_us: float | None = None


@dataclass(frozen=True)
class Rollout:
    """Which version decides, and which is tried; `schemas/Rollout.avsc` says what each field means."""

    pipeline: str
    generation: int
    champion: BundleRef | None = None
    challenger: BundleRef | None = None
    previous: BundleRef | None = None
    mode: Mode = Mode.NONE
    canary_weight: float = 0.0
    step: int | None = None
    limits: Limits = Limits()
    managed_by: str = CLI
    issued_by: str | None = None
    issued_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        """Refuse what no worker could run.

        Raises:
            ValueError: mode and challenger do not agree, or the weight is no percentage.
        """
        if (self.mode is Mode.NONE) != (self.challenger is None):
            raise ValueError(f"mode {self.mode} with the challenger {self.challenger}")
        if not 0 <= self.canary_weight <= 100:  # noqa: PLR2004 - a percentage
            raise ValueError(
                f"a canary weight of {self.canary_weight}; it is a percentage of users, 0 to 100"
            )

    @property
    def share(self) -> float:
        """Share of the users that the challenger decides for, 0 to 1."""
        return self.canary_weight / 100 if self.mode is Mode.CANARY else 0.0

    def to_record(self) -> dict[str, Any]:
        """As Avro has it."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """From what Avro has.

        Raises:
            ValueError: it is a rollout that no worker could run.
        """
        refs: dict[str, BundleRef | None] = {
            name: BundleRef(**found) for name in REFS if (found := record[name])
        }
        mode = Mode(record["mode"])
        if mode is Mode.NONE:
            refs["challenger"] = None  # of a mode that only later versions know
        return cls(**record | refs | {"mode": mode, "limits": Limits(**record["limits"])})


REFS = ("champion", "challenger", "previous")


def shadowed(rollout: Rollout, challenger: BundleRef, limits: Limits) -> Rollout:
    """What follows where the challenger is to score and not to decide."""
    return _next(
        rollout, challenger=challenger, mode=Mode.SHADOW, canary_weight=0.0, step=None, limits=limits
    )


def canaried(rollout: Rollout, challenger: BundleRef, weight: float, limits: Limits) -> Rollout:
    """What follows where the challenger is to decide for a percentage of the users."""
    return _next(
        rollout, challenger=challenger, mode=Mode.CANARY, canary_weight=weight, step=None, limits=limits
    )


def promoted(rollout: Rollout, champion: BundleRef | None) -> Rollout:
    """What follows where this version, or the rules alone, are to decide everything."""
    return _next(_calm(rollout), champion=champion, previous=rollout.champion)


def calmed(rollout: Rollout) -> Rollout:
    """What follows where the challenger is to be given up."""
    return _next(_calm(rollout))


def released(rollout: Rollout, issuer: str) -> Rollout:
    """What follows where the FraudModel that managed it is gone: no challenger, and the champion goes on."""
    return replace(calmed(rollout), managed_by=CLI, issued_by=issuer)


def _calm(rollout: Rollout) -> Rollout:
    return replace(rollout, challenger=None, mode=Mode.NONE, canary_weight=0.0, step=None, limits=Limits())


def _next(rollout: Rollout, **changes: Any) -> Rollout:  # noqa: ANN401 - fields of Rollout
    return replace(
        rollout, generation=rollout.generation + 1, issued_at=datetime.now(UTC), issued_by=None, **changes
    )
