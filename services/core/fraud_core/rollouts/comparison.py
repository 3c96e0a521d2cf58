"""Champion and challenger held against each other, from what the workers of a pipeline report."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fraud_core.connect.records import ModelStatus, Role, WorkerStatus

HALF = 0.5
"""Added to each count before shares are taken, so that an empty one has a logarithm."""


@dataclass(frozen=True)
class VersionFigures:
    """One version over all workers that run it.

    Attributes:
        version: its identity.
        role: champion or challenger.
        workers: how many run it.
        dropped: worker -> why it does not run there.
        threshold: it alerts from this score on.
        scored: transactions that it scored.
        decided: those that it decided.
        alerts: those on which it alerts, whatever the rules say.
        disagreements: those on which the two do not agree.
        errors: batches that it failed on.
        seconds: time to score.
        scores: counts by score, as `ModelStatus.scores`.
    """

    version: str
    role: str
    workers: int
    dropped: dict[str, str]
    threshold: float | None
    scored: int
    decided: int
    alerts: int
    disagreements: int
    errors: int
    seconds: float
    scores: tuple[int, ...]

    @property
    def alert_rate(self) -> float | None:
        """Share of what it scored."""
        return self.alerts / self.scored if self.scored else None

    @property
    def scoring_us(self) -> float | None:
        """Mean time to score one, in microseconds."""
        return self.seconds / self.scored * 1e6 if self.scored else None


@dataclass(frozen=True)
class Comparison:
    """The versions of a pipeline.

    Attributes:
        champion: None where the rules decide alone.
        challenger: None where none is tried.
        psi: of the challenger's scores against the champion's; None without both.
    """

    champion: VersionFigures | None
    challenger: VersionFigures | None
    psi: float | None

    @property
    def disagreement(self) -> float | None:
        """Share of what the challenger scored on which only one of the two alerts."""
        tried = self.challenger
        return tried.disagreements / tried.scored if tried and tried.scored else None


def compared(workers: Iterable[WorkerStatus], generation: int) -> Comparison:
    """Sum up what the workers report that run this generation."""
    current = [status for status in workers if status.rollout_generation == generation]
    champion, challenger = (_figures(current, role) for role in (Role.CHAMPION, Role.CHALLENGER))
    both = champion and challenger and champion.scored and challenger.scored
    psi = population_stability(champion.scores, challenger.scores) if both else None  # type: ignore[union-attr]
    return Comparison(champion, challenger, psi)


def population_stability(expected: Sequence[int], found: Sequence[int]) -> float:
    """Population stability index of two histograms over the same bins.

    The sum of (q - p) ln(q / p) over the bins' shares. Below 0.1 distributions count as alike, above 0.25 as
    different.
    """
    before, after = _shares(expected), _shares(found)
    return sum((q - p) * math.log(q / p) for p, q in zip(before, after, strict=True))


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + HALF * len(counts)
    return [(count + HALF) / total for count in counts]


def _figures(workers: list[WorkerStatus], role: Role) -> VersionFigures | None:
    found = [(status.worker, model) for status in workers for model in status.models if model.role is role]
    if not found:
        return None
    models = [model for _, model in found]
    return VersionFigures(
        version=models[0].version,
        role=role.value,
        workers=sum(model.running for model in models),
        dropped={worker: model.trace or "" for worker, model in found if not model.running},
        threshold=next((model.threshold for model in models if model.threshold is not None), None),
        scored=sum(model.scored for model in models),
        decided=sum(model.decided for model in models),
        alerts=sum(model.alerts for model in models),
        disagreements=sum(model.disagreements for model in models),
        errors=sum(model.errors for model in models),
        seconds=sum(model.seconds for model in models),
        scores=_summed(models),
    )


def _summed(models: list[ModelStatus]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(model.scores for model in models if model.scores), strict=True)))
