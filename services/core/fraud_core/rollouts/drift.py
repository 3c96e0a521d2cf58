"""What a version meets, held against the window that it was trained on, from what the workers report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fraud_core.connect.records import SCORE, Distribution, ModelStatus, Role, WorkerStatus
from fraud_core.rollouts.comparison import population_stability

FEWEST = 1_000
"""With fewer transactions on either side chance alone moves a distribution."""
ALIKE, MOVED = 0.1, 0.25
UNKNOWN_STEP, BIN_STEP = 0.1, 0.03
"""A direction is told from such a change on: of the share of unknown values, and of the mean bin, where all
bins are 1."""


class Verdict(StrEnum):
    """What is made of an index."""

    TOO_FEW = "too few yet"
    ALIKE = "alike"
    SOMEWHAT = "somewhat moved"
    MOVED = "moved"


@dataclass(frozen=True)
class Drift:
    """One feature, or the score.

    Attributes:
        name: of the feature, or `score`.
        psi: population stability index, the unknown values being a bin of their own; None with too few.
        verdict: what is made of it.
        towards: where it has moved, in words; empty where nowhere.
        unknown_usual: share of unknown values in the training window; None for the score.
        unknown_now: their share now.
    """

    name: str
    psi: float | None
    verdict: Verdict
    towards: str
    unknown_usual: float | None
    unknown_now: float | None


@dataclass(frozen=True)
class VersionDrift:
    """One version over all workers that run it.

    Attributes:
        version: its identity.
        role: champion or challenger.
        workers: how many report what it met.
        transactions: that they counted.
        drifts: of the score and of each feature, those that moved most first.
    """

    version: str
    role: str
    workers: int
    transactions: int
    drifts: tuple[Drift, ...]

    @property
    def moved(self) -> tuple[Drift, ...]:
        """Those that have moved."""
        return tuple(one for one in self.drifts if one.verdict is Verdict.MOVED)


def drifted(workers: Iterable[WorkerStatus]) -> list[VersionDrift]:
    """What all versions meet that workers of a pipeline run, the champions first."""
    by_version: dict[tuple[str, str], list[ModelStatus]] = {}
    for status in workers:
        for model in status.models:
            by_version.setdefault((model.role.value, model.version), []).append(model)
    found = [_of_version(models) for models in by_version.values()]
    return sorted(found, key=lambda one: (one.role != Role.CHAMPION, one.version))


def drift_of(distributions: Sequence[Distribution]) -> list[Drift]:
    """What has moved, most first; `distributions` are of one worker or sums over several."""
    return sorted(
        map(_drift, distributions), key=lambda one: -1.0 if one.psi is None else one.psi, reverse=True
    )


def _of_version(models: list[ModelStatus]) -> VersionDrift:
    counting = [model.distributions for model in models if model.distributions]
    summed = [_summed(parts) for parts in zip(*counting, strict=True)]
    return VersionDrift(
        version=models[0].version,
        role=models[0].role.value,
        workers=len(counting),
        transactions=max((sum(one.found) for one in summed), default=0),
        drifts=tuple(drift_of(summed)),
    )


def _summed(parts: Sequence[Distribution]) -> Distribution:
    """One feature over workers; the window is the same for all of them."""
    found = tuple(map(sum, zip(*(part.found for part in parts), strict=True)))
    return Distribution(parts[0].name, parts[0].usual, found)


def _drift(one: Distribution) -> Drift:
    of_score = one.name == SCORE
    unknown = (
        (None, None) if of_score else (_share(one.usual[-1], one.usual), _share(one.found[-1], one.found))
    )
    if min(sum(one.usual), sum(one.found)) < FEWEST:
        return Drift(one.name, None, Verdict.TOO_FEW, "", *unknown)
    psi = population_stability(one.usual, one.found)
    verdict = Verdict.ALIKE if psi < ALIKE else Verdict.SOMEWHAT if psi < MOVED else Verdict.MOVED
    return Drift(one.name, psi, verdict, "" if verdict is Verdict.ALIKE else _towards(one, unknown), *unknown)


def _towards(one: Distribution, unknown: tuple[float | None, float | None]) -> str:
    words = []
    known = slice(None) if one.name == SCORE else slice(-1)
    before, now = _mean_place(one.usual[known]), _mean_place(one.found[known])
    if before is not None and now is not None and abs(now - before) >= BIN_STEP:
        words.append("higher" if now > before else "lower")
    usual, found = unknown
    if usual is not None and found is not None and abs(found - usual) >= UNKNOWN_STEP:
        words.append("more unknown" if found > usual else "less unknown")
    return ", ".join(words) or "spread differently"


def _mean_place(counts: Sequence[int]) -> float | None:
    """The mean bin, from 0 for the lowest to 1 for the highest."""
    total, last = sum(counts), max(len(counts) - 1, 1)
    return sum(place * count for place, count in enumerate(counts)) / total / last if total else None


def _share(part: int, counts: Sequence[int]) -> float | None:
    total = sum(counts)
    return part / total if total else None
