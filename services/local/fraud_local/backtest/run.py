"""Trains on schedule, scores what comes after, and judges it: what a detector would have done, and when."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from fraud_core.errors import InputError
from fraud_core.models import LoadedModel
from fraud_core.models.inputs import Floats
from fraud_core.models.loading import load
from fraud_trainer import quality
from fraud_trainer.evaluation import Mask
from fraud_trainer.rows import Rows
from fraud_trainer.timing import scoring_us
from fraud_trainer.training import Plan, train

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Schedule:
    """When is trained on what, all naive UTC.

    Attributes:
        test_from: first moment that is judged.
        test_until: first moment after it.
        window: how long the training window is.
        label_delay: the window ends so long before training.
        retrain: how often is trained; None is once.
    """

    test_from: datetime
    test_until: datetime
    window: timedelta
    label_delay: timedelta
    retrain: timedelta | None = None

    @property
    def first(self) -> datetime:
        """Beginning of the first training window."""
        return self.test_from - self.label_delay - self.window

    def trainings(self) -> list[tuple[int, int]]:
        """From when to before when each model decides, ms."""
        step = self.retrain or self.test_until - self.test_from
        moments, at = [], self.test_from
        while at < self.test_until:
            moments.append(at)
            at += step
        ends = [*moments[1:], self.test_until]
        return [(_ms(begin), _ms(end)) for begin, end in zip(moments, ends, strict=True)]


@dataclass(frozen=True)
class Outcome:
    """What came of one algorithm, seed and rule file.

    Attributes:
        metrics: of the model's scores, alerts and probabilities on the test rows.
        rules: alert rules alone.
        union: model alerts and alert rules together: what the detector calls fraudulent.
        members: ranking of each member of an ensemble.
        scenarios: frauds by kind, where kinds are known, and the recall of model, rules and both.
        versions: of the models, in order of time.
        algorithm: their kind.
    """

    metrics: dict[str, float]
    rules: dict[str, float]
    union: dict[str, float]
    members: dict[str, dict[str, float]]
    scenarios: dict[str, dict[str, float]]
    versions: list[str]
    algorithm: str


def run(rows: Rows, schedule: Schedule, plan: Plan) -> Outcome:
    """Train and judge.

    Raises:
        ConfigError: the plan asks for what can't be.
        InputError: a training window is too small, or there is nothing to judge.
    """
    window = schedule.window // MILLISECOND
    tested = rows.between(_ms(schedule.test_from), _ms(schedule.test_until))
    if not len(tested):
        raise InputError(
            f"There are no transactions from {schedule.test_from:%Y-%m-%d} on; choose an earlier --test-from."
        )
    told = _Told(np.zeros(len(tested)), np.zeros(len(tested), dtype=bool), np.full(len(tested), np.nan), {})
    versions, at = list[str](), 0
    for begin, end in schedule.trainings():
        now = rows.between(begin, end)
        if not len(now):
            continue  # a model that would decide nothing
        model = _trained(rows, begin, window, plan, versions[-1] if versions else None)
        _tell(model, now, slice(at, at + len(now)), told)
        versions.append(model.version)
        at += len(now)
    return _outcome(tested, told, versions, plan.algorithm, scoring_us(model, tested.values))


@dataclass(frozen=True)
class _Told:
    """What models said of the test rows."""

    scores: Floats
    alerts: Mask
    probabilities: Floats
    members: dict[str, Floats]


def _trained(rows: Rows, now: int, window: int, plan: Plan, parent: str | None) -> LoadedModel:
    """What training at this moment makes, as a detector would load it."""
    until = now - plan.label_delay
    plan = replace(plan, parent_version=parent or plan.parent_version)
    return load(train(rows, until - window, until, plan).bundle, signals=rows.signals)


def _tell(model: LoadedModel, now: Rows, here: slice, told: _Told) -> None:
    scores = model.score(now.values)
    told.scores[here], told.alerts[here] = scores, scores >= model.threshold
    probabilities = model.probabilities(scores)
    if probabilities is not None:
        told.probabilities[here] = probabilities
    for name, raw in model.members.items():
        told.members.setdefault(name, np.zeros(len(told.scores)))[here] = raw(now.values)


def _outcome(tested: Rows, told: _Told, versions: list[str], algorithm: str, microseconds: float) -> Outcome:
    frauds, weights = tested.labels == 1, tested.traffic()
    judged = quality.Judged(
        scores=told.scores,
        frauds=frauds,
        times=tested.times,
        users=tested.users,
        alerts=told.alerts,
        rule_alerts=tested.rule_alerts,
        scenarios=tested.scenarios,
        weights=weights,
        probabilities=None if np.isnan(told.probabilities).any() else told.probabilities,
    )
    union = told.alerts | tested.rule_alerts
    return Outcome(
        metrics=quality.ranking(judged)
        | quality.alerting(told.alerts, frauds, weights)
        | quality.calibration(judged)
        | {"scoring_us": microseconds},
        rules=quality.alerting(tested.rule_alerts, frauds, weights),
        union=quality.alerting(union, frauds, weights),
        members={
            name: quality.ranking(replace(judged, scores=scores)) for name, scores in told.members.items()
        },
        scenarios=_scenarios(judged, union),
        versions=versions,
        algorithm=algorithm,
    )


def _scenarios(judged: quality.Judged, union: Mask) -> dict[str, dict[str, float]]:
    found = quality.by_scenario(union, judged)
    model = quality.by_scenario(judged.alerts, judged)
    rules = quality.by_scenario(judged.rule_alerts, judged)
    return {
        kind: figures | {"model": model[kind]["recall"], "rules": rules[kind]["recall"]}
        for kind, figures in found.items()
    }


def _ms(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)
