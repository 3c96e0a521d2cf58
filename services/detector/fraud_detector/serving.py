"""The models that run: the champion decides, the challenger is tried, and what fails is dropped at once.

Belongs to the engine's thread; `status` alone may be called from any.
"""

import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fraud_core.connect.records import ModelStatus, Role
from fraud_core.connect.records import Serving as Report
from fraud_core.log import logger
from fraud_core.models import LoadedModel
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.rollouts.bounds import broken_alone
from fraud_core.rollouts.canary import in_canary
from fraud_detector.comparing import Counts, Totals, counts
from fraud_detector.recent import Recent

log = logger(__name__)
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Models:
    """What a rollout names, ready to score.

    Attributes:
        rollout: None where settings fix the model.
        champion: None where the rules decide alone.
        challenger: None where there is none, or it was refused.
        refused: why the challenger can't run; empty if it can.
    """

    rollout: Rollout | None = None
    champion: LoadedModel | None = None
    challenger: LoadedModel | None = None
    refused: str = ""

    @property
    def generation(self) -> int | None:
        """Of the rollout."""
        return self.rollout.generation if self.rollout else None


@dataclass(frozen=True)
class Scored:
    """Scores of a batch; arrays of shape (transactions,).

    Attributes:
        scores: by the version that decides for each; NaN where only rules do.
        thresholds: of that version; NaN likewise.
        versions: that version; null likewise.
        probabilities: of fraud, by that version; NaN where it was not calibrated on labels.
        alerted: where it alerts.
        other_scores: by the version that does not decide; NaN where there is none.
        other_versions: that version.
        others_alert: where it alerts.
        by_challenger: where the version that decides is the challenger.
    """

    scores: Floats
    thresholds: Floats
    versions: pa.Array
    probabilities: Floats
    alerted: Mask
    other_scores: Floats
    other_versions: pa.Array
    others_alert: Mask
    by_challenger: Mask


class ScoringError(Exception):
    """A challenger gave no scores."""


@dataclass
class Serving:
    """The models of one worker.

    Attributes:
        models: those that the worker was told to run.
        on_change: is called when what runs has changed; must return at once.
    """

    models: Models = Models()
    on_change: Callable[[], None] = lambda: None
    _challenger: LoadedModel | None = None
    _totals: dict[Role, Totals] = field(default_factory=dict)
    _recent: dict[str, Recent] = field(default_factory=dict)
    _errors: Tally[Role] = field(default_factory=Tally)
    _dropped: str = ""

    def __post_init__(self) -> None:
        """Begin with the models that were given."""
        self._challenger, self._totals = self.models.challenger, _nothing()

    def apply(self, models: Models) -> None:
        """Run these from the next batch on; another step, or another pair, is counted anew."""
        # The models last: whatever thread asks, a report of theirs has nothing of the ones before.
        if _pair(self.models) != _pair(models):
            self._errors, self._recent = Tally(), _still_met(self._recent, models)
        if _step(self.models) != _step(models):
            self._totals = _nothing()
        self._challenger, self._dropped = models.challenger, ""
        self.models = models
        log.info("rollout_applied", **_described(models))
        self.on_change()

    @property
    def reads_signals(self) -> bool:
        """Whether a model that runs must be told which rules fired."""
        return any(model.reads_signals for model in (self.models.champion, self._challenger) if model)

    def score(self, values: Floats, users: pl.Series, day: int = 0) -> Scored:
        """Score a batch.

        Args:
            values: features, shape (features, transactions); the signals after them, if a model reads any.
            users: of each transaction.
            day: of event time, that of most of the transactions.
        """
        champion, rollout = self.models.champion, self.models.rollout
        began = time.perf_counter()
        first = champion.score(values) if champion else np.full(values.shape[1], np.nan)
        took = time.perf_counter() - began
        if champion and np.isnan(first).any():
            self._errors[Role.CHAMPION] += 1  # the rules decide these alone
        second, seconds = self._tried(values)
        challenger = self._challenger
        chosen = np.zeros(len(first), dtype=bool)
        if challenger and rollout and rollout.share:
            chosen = in_canary(users, challenger.sha256, rollout.share)
        self._count(first, second, chosen, (took, seconds))
        for model, scores in ((champion, first), (challenger, second)):
            if model:
                self._recent.setdefault(model.sha256, Recent(model)).add(day, values, scores)
        return _chosen(champion, challenger, first, second, chosen)

    def alerting(self, scored: Scored) -> list[tuple[LoadedModel, Ints]]:
        """The models that decide, each with the rows of the batch just scored that it decided to alert on."""
        pairs = ((self.models.champion, ~scored.by_challenger), (self._challenger, scored.by_challenger))
        return [(model, np.flatnonzero(scored.alerted & decided)) for model, decided in pairs if model]

    def committed(self) -> None:
        """The batches that were scored are committed; judge the challenger by all that are."""
        for totals in self._totals.values():
            totals.commit()
        for recent in self._recent.values():
            recent.commit()
        if self._challenger and (broken := self._broken()):
            self._drop(broken)

    def aborted(self) -> None:
        """The batches that were scored since the last commit never happened."""
        for totals in self._totals.values():
            totals.abort()
        for recent in self._recent.values():
            recent.abort()

    def status(self) -> Report:
        """What runs, for the worker's report."""
        models = self.models
        rollout, problem = models.rollout, models.refused or self._dropped or None
        reports = []
        if models.champion:
            reports.append(self._report(Role.CHAMPION, models.champion.version, models.champion, None))
        if rollout and rollout.challenger:
            tried = rollout.challenger.version
            reports.append(self._report(Role.CHALLENGER, tried, models.challenger, problem))
        version = models.champion.version if models.champion else None
        return Report(version, models.generation, problem, tuple(reports))

    def _tried(self, values: Floats) -> tuple[Floats, float]:
        """The challenger's scores, NaN where there is none, and the seconds that they took."""
        nothing = np.full(values.shape[1], np.nan)
        if self._challenger is None:
            return nothing, 0.0
        began = time.perf_counter()
        try:
            return _checked(self._challenger.score(values), values.shape[1]), time.perf_counter() - began
        except Exception as error:  # noqa: BLE001 - whatever it does, the champion's decision stands
            self._errors[Role.CHALLENGER] += 1
            self._drop(f"It failed on a batch of {values.shape[1]}: {type(error).__name__}: {error}")
            return nothing, 0.0

    def _count(self, first: Floats, second: Floats, chosen: Mask, seconds: tuple[float, float]) -> None:
        champion, challenger = self.models.champion, self._challenger
        alerts = [_alerts(champion, first), _alerts(challenger, second)]
        differ = int((alerts[0] != alerts[1]).sum()) if challenger else 0
        decided = [len(first) - int(chosen.sum()), int(chosen.sum())]
        both = zip(self._totals, (champion, challenger), (first, second), strict=True)
        for place, (role, model, scores) in enumerate(both):
            if model:
                self._totals[role].add(
                    counts(
                        scores, alerts[place], decided=decided[place], disagreements=differ,
                        seconds=seconds[place],
                    )
                )  # fmt: skip

    def _broken(self) -> str:
        """Which limits the challenger breaks; empty if none."""
        rollout = self.models.rollout
        if rollout is None:
            return ""
        said = "; ".join(broken_alone(rollout.limits, self._totals[Role.CHALLENGER].committed))
        return f"{said[0].upper()}{said[1:]}." if said else ""

    def _drop(self, why: str) -> None:
        version = self._challenger.version if self._challenger else None
        log.error("challenger_dropped", version=version, reason=why)
        self._challenger, self._dropped = None, why
        self.on_change()

    def _report(self, role: Role, version: str, model: LoadedModel | None, trace: str | None) -> ModelStatus:
        done: Counts = self._totals[role].committed
        recent = self._recent.get(model.sha256) if model else None
        return ModelStatus(
            version=version, role=role, running=trace is None, trace=trace,
            threshold=model.threshold if model else None,
            scored=done.scored, decided=done.decided, alerts=done.alerts, disagreements=done.disagreements,
            errors=self._errors[role],
            seconds=done.seconds, scores=tuple(done.scores.tolist()),
            distributions=recent.told() if recent else (),
        )  # fmt: skip


def _described(models: Models) -> dict[str, object]:
    rollout, champion = models.rollout, models.champion
    found: dict[str, object] = {
        "generation": models.generation,
        "champion": champion.version if champion else "none: the rules decide alone",
    }
    if rollout and rollout.challenger:
        found |= {"challenger": rollout.challenger.version, "mode": rollout.mode.value}
        found |= {"weight": rollout.canary_weight} if rollout.share else {}
    return found


def _pair(models: Models) -> tuple[str | None, BundleRef | None]:
    """What is compared. What the challenger failed on is held against it as long as this stays."""
    champion, rollout = models.champion, models.rollout
    return champion.sha256 if champion else None, rollout.challenger if rollout else None


def _step(models: Models) -> tuple[object, ...]:
    """What is judged by itself: what went well in one step says nothing of the next."""
    rollout = models.rollout
    part = (rollout.mode, rollout.canary_weight, rollout.step) if rollout else ()
    return _pair(models), *part


def _nothing() -> dict[Role, Totals]:
    return {role: Totals() for role in (Role.CHAMPION, Role.CHALLENGER)}


def _still_met(recent: dict[str, Recent], models: Models) -> dict[str, Recent]:
    """What a version has met stays known when its role changes."""
    running = {model.sha256 for model in (models.champion, models.challenger) if model}
    return {sha256: found for sha256, found in recent.items() if sha256 in running}


def _checked(scores: Floats, rows: int) -> Floats:
    if scores.shape != (rows,):
        raise ScoringError(f"it gave {scores.shape} scores for {rows} transactions")
    if not np.isfinite(scores).all():
        raise ScoringError("a score is not a number")
    return scores


def _alerts(model: LoadedModel | None, scores: Floats) -> Mask:
    return scores >= (model.threshold if model else np.inf)


def _chosen(
    champion: LoadedModel | None, challenger: LoadedModel | None, first: Floats, second: Floats, chosen: Mask
) -> Scored:
    """Each row as the version says that decides it, and beside it what the other one says."""
    mine, other = _alerts(champion, first), _alerts(challenger, second)
    return Scored(
        scores=np.where(chosen, second, first),
        thresholds=np.where(chosen, _threshold(challenger), _threshold(champion)),
        versions=_versions(chosen, challenger, champion),
        probabilities=np.where(chosen, _probabilities(challenger, second), _probabilities(champion, first)),
        alerted=np.where(chosen, other, mine),
        other_scores=np.where(chosen, first, second),
        other_versions=_versions(chosen, champion, challenger),
        others_alert=np.where(chosen, mine, other),
        by_challenger=chosen,
    )


def _probabilities(model: LoadedModel | None, scores: Floats) -> Floats:
    found = model.probabilities(scores) if model else None
    return np.full(len(scores), np.nan) if found is None else found


def _threshold(model: LoadedModel | None) -> float:
    return model.threshold if model else np.nan


def _versions(chosen: Mask, yes: LoadedModel | None, no: LoadedModel | None) -> pa.Array:
    names = [pa.scalar(model.version if model else None, pa.string()) for model in (yes, no)]
    return pc.if_else(pa.array(chosen), *names)
