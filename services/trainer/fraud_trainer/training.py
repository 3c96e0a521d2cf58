"""Trains any algorithm on one window and packs it: score map, calibration, threshold and figures included.

A window that ends one label delay ago is followed by transactions whose labels are not known yet. They are
good for the score map and the alert budget, which need no labels. What needs some, the calibration and the
figures, comes from a forward block inside the window.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import numpy as np

from fraud_core.errors import ConfigError, InputError
from fraud_core.features import FEATURES
from fraud_core.models.bundle import Bundle, digest
from fraud_core.models.calibration import Calibration
from fraud_core.models.inputs import Floats
from fraud_core.models.loaded import LoadedModel
from fraud_core.models.loading import running_versions
from fraud_core.models.manifest import Manifest, Window
from fraud_core.models.reference import reference
from fraud_core.models.score_map import ScoreMap, apply, fit, threshold_for
from fraud_core.signals import Signal, input_names
from fraud_trainer import forward_block, isolation_forest, quality
from fraud_trainer import hyperparameters as named
from fraud_trainer.evaluation import alert_shares
from fraud_trainer.fitting import (
    ISOLATION_FOREST,
    SUPERVISED_FEATURES,
    Fitted,
    Wish,
    fit_model,
    young_signals,
)
from fraud_trainer.hyperparameters import Value
from fraud_trainer.inputs import DEFAULT_FEATURES
from fraud_trainer.rows import Rows, Targets, targets

DAY_MS = 86_400_000
FEWEST = 100
LATE = 0.1
"""Of the window, and at most a day: rows that begin later begin there, rather than after a pause."""
LOWEST, HIGHEST = 5e-324, math.nextafter(1.0, 0.0)
"""Of scores."""
UNSUPERVISED: Mapping[str, Value] = {"surprise": True, "merchant_evidence": True}
"""Hyperparameters of an isolation_forest that is trained on a history, where no `OLDER_WAY` is given."""


@dataclass(frozen=True)
class Costs:
    """What mistakes cost, in any unit; an alert is raised where it costs less to be expected than none.

    Attributes:
        missed: of a fraud without an alert.
        false_alert: of an alert without a fraud.
    """

    missed: float
    false_alert: float

    @property
    def probability(self) -> float:
        """From this probability of fraud on an alert is worth it."""
        return self.false_alert / (self.false_alert + self.missed)


Threshold = Literal["tutorial"] | float | Costs


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        algorithm: its name.
        hyperparameters: by name, those that shall not be the default.
        features: names of those that the model shall read, `rule:` and a name for a signal; None leaves it
            to the algorithm: those that learn from labels read all signals, and an isolation_forest none.
        without_rules: names of signals that shall not be read where the algorithm reads all.
        threshold: share of the traffic that may be alerts, the rules' included; costs; or `tutorial`.
        label_delay: how long labels take, ms.
        maturity: age from which a transaction without a label is taken for legitimate, ms.
        seed: of all that is drawn.
        parent_version: the version that this one shall replace.
    """

    algorithm: str
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    features: tuple[str, ...] | None = None
    without_rules: tuple[str, ...] = ()
    threshold: Threshold = 0.005
    label_delay: int = 7 * DAY_MS
    maturity: int = 7 * DAY_MS
    seed: int = 0
    parent_version: str | None = None

    def check(self) -> None:
        """See that there is such an algorithm with such hyperparameters, before anything is computed.

        Raises:
            ConfigError: there is not; says which there are. Or it is to leave out rules, and reads none, or
                can't have such a threshold.
        """
        if self.algorithm == ISOLATION_FOREST:
            named.isolation_forest(self.hyperparameters)
            if isinstance(self.threshold, Costs):
                raise ConfigError(
                    "Costs need probabilities, and an isolation_forest gives none; give an alert budget."
                )
            if self.without_rules:
                raise ConfigError(
                    f"An isolation_forest reads no rules, so {', '.join(self.without_rules)} can't be left "
                    "out; train an algorithm that learns from labels, or leave nothing out."
                )
        else:
            Wish(self.algorithm, self.hyperparameters).chosen()
            if self.threshold == "tutorial":
                raise ConfigError(
                    "The threshold `tutorial` is the isolation_forest's alone; give an alert budget."
                )

    def check_rules(self, signals: Sequence[Signal]) -> None:
        """See that the rules that shall not be read are among those that may be.

        Raises:
            ConfigError: one is not; says which there are.
        """
        there = [signal.rule for signal in signals]
        if unknown := [rule for rule in self.without_rules if rule not in there]:
            known = f"there are {', '.join(there)}" if there else "there is none"
            raise ConfigError(
                f"There is no rule {', '.join(unknown)} with action `signal` to leave out; {known}."
            )

    def wish(self, signals: Sequence[Signal]) -> Wish:
        """What shall be fitted, where these rules may be read.

        Raises:
            ConfigError: a rule that shall not be read is none of these.
        """
        self.check_rules(signals)
        features = self.features
        if features is None:
            read = [signal.input for signal in signals if signal.rule not in self.without_rules]
            features = (*SUPERVISED_FEATURES, *read)
        return Wish(self.algorithm, self.hyperparameters, features, self.seed)


@dataclass(frozen=True)
class Trained:
    """A bundle, and the test rows that its figures are of; None where there were none."""

    bundle: Bundle
    judged: quality.Judged | None


def train(rows: Rows, start: int, end: int, plan: Plan, champion: LoadedModel | None = None) -> Trained:
    """Train on the rows from one moment, in ms, to before another; one label delay later it is now.

    A champion, loaded for the signals of these rows, is judged on them, too, for comparison.

    The same rows and the same plan give the same bytes.

    Raises:
        ConfigError: the algorithm, a hyperparameter, a feature or the threshold can't be.
        InputError: there are too few rows, no frauds among them, or no decision names a rule yet.
    """
    plan.check()
    learned, later = rows.between(start, end), rows.between(end, end + plan.label_delay)
    if len(learned) < FEWEST:
        raise InputError(
            f"The training window from {_moment(start):%Y-%m-%d} to {_moment(end):%Y-%m-%d} has "
            f"{len(learned)} "
            f"transactions, and at least {FEWEST} are needed; widen it."
        )
    start = _begun(learned, start, end)
    if plan.algorithm == ISOLATION_FOREST:
        return _unsupervised(learned, later, start, end, plan)
    return _supervised(learned, later, start, end, plan, champion)


def _begun(learned: Rows, start: int, end: int) -> int:
    """When the window begins: no earlier than there are transactions, of whose last quarter figures are."""
    first = int(learned.times[0])
    return first if first - start > min(DAY_MS, LATE * (end - start)) else start


def _unsupervised(learned: Rows, later: Rows, start: int, end: int, plan: Plan) -> Trained:
    assert not isinstance(plan.threshold, Costs)  # noqa: S101 - the plan was checked
    if len(later) < FEWEST:
        split = round((1 - forward_block.SHARE) * len(learned))
        end, later, learned = (
            int(learned.times[split]),
            learned.slice(split, len(learned)),
            learned.slice(0, split),
        )
    older = plan.threshold == "tutorial" or any(name in plan.hyperparameters for name in named.OLDER_WAY)
    defaults = {} if older else UNSUPERVISED
    bundle = isolation_forest.train(
        learned.features,
        FEATURES,
        validation=isolation_forest.Validation(
            later.features, later.rule_alerts, rules=later.rules, weights=later.traffic()
        ),
        window=Window(start=_moment(start), end=_moment(end)),
        data_until=_moment(int(later.times[-1])),
        features=DEFAULT_FEATURES if plan.features is None else plan.features,
        threshold=plan.threshold,
        hyperparameters={**defaults, **plan.hyperparameters},
        seed=plan.seed,
        parent_version=plan.parent_version,
        weights=learned.traffic(),
    )
    return Trained(bundle, None)


def _supervised(
    learned: Rows, later: Rows, start: int, end: int, plan: Plan, champion: LoadedModel | None
) -> Trained:
    wanted = targets(learned, end + plan.label_delay, plan.maturity)
    layout = forward_block.laid_out(learned, wanted, (start, end), plan.label_delay, plan.maturity)
    wish, young = _wish(learned, wanted, layout, plan)
    model, set_threshold = _fitted(wish, learned, wanted), partial(_threshold, wanted=plan.threshold)
    block = None
    if layout:
        fit_to = partial(_fitted, wish)
        block = forward_block.block(learned, layout, plan.label_delay, fit_to, set_threshold, champion)
    unseen = _unseen(model, learned, later, block)
    calibration = block.calibration if block else None
    threshold = set_threshold(unseen.scores, unseen.rows, calibration)
    traffic = unseen.rows.traffic()
    shares = alert_shares(unseen.scores >= threshold, unseen.rows.rule_alerts, unseen.rows.rules, traffic)
    content, versions = model.pickled(), running_versions()
    inputs = input_names(learned.signals)
    names = tuple(inputs[row] for row in model.rows)
    sources = {
        f"labels_{name}": int((learned.sources == name).sum()) for name in np.unique(learned.sources) if name
    }
    bundle = Bundle(
        Manifest(
            algorithm=plan.algorithm,
            features=names,
            dropped_features=(*model.dropped, *young),
            signals={signal.rule: signal.digest for signal in learned.signals if signal.input in names},
            hyperparameters={**wish.chosen().model_dump(), "seed": plan.seed},
            threshold=threshold,
            threshold_rule="costs" if isinstance(plan.threshold, Costs) else plan.threshold,
            score_map=unseen.score_map,
            calibration=calibration,
            reference=reference(learned.values[model.rows], names, unseen.scores, learned.traffic(), traffic),
            window=Window(start=_moment(start), end=_moment(end)),
            data_until=_moment(int((later if unseen.rows is later else learned).times[-1])),
            counts={
                "training": int(wanted.learned.sum()),
                "training_frauds": int(wanted.frauds.sum()),
                "training_assumed_legitimate": int(wanted.assumed.sum()),
                "validation": len(unseen.rows),
                **sources,
            },
            metrics=shares | (block.metrics if block else {}),
            evaluation=block.evaluation if block else forward_block.nothing(plan.label_delay),
            python=versions.pop("python"),
            libraries=versions,
            model_sha256=digest(content),
            parent_version=plan.parent_version,
        ).identified(),
        content,
    )
    return Trained(bundle, block.judged if block else None)


@dataclass(frozen=True)
class _Unseen:
    """Rows that a model meets as it will meet those to come, and what it says of them."""

    rows: Rows
    score_map: ScoreMap
    scores: Floats


def _unseen(model: Fitted, learned: Rows, later: Rows, block: forward_block.Block | None) -> _Unseen:
    """What came after the window, or what the forward block validated on; if need be, what was learned from.

    That comes last, as the model knows it too well: there its scores are not those that it will give.
    """
    if block and len(later) < FEWEST:
        return _Unseen(block.validation, block.score_map, block.scores)
    rows = later if len(later) >= FEWEST else learned
    raw = model.raw(rows.values)
    score_map = fit(raw, weights=rows.traffic())
    return _Unseen(rows, score_map, apply(raw, score_map.arrays()))


def _wish(
    rows: Rows, wanted: Targets, layout: forward_block.Layout | None, plan: Plan
) -> tuple[Wish, tuple[str, ...]]:
    """What shall be fitted, and the signals that were asked for and are too young.

    The final model reads what that of the forward block can: otherwise the figures, the calibration and the
    threshold would be those of a model that knows less.
    """
    asked, young = plan.wish(rows.signals), set[str]()
    for learned in (wanted.learned, *([layout.early.learned] if layout else ())):
        fired = rows.values[len(rows.features) :, : learned.size]
        young |= young_signals(fired[:, learned], rows.signals)
    features = dict.fromkeys(asked.features)
    left = tuple(name for name in features if name not in young)
    return replace(asked, features=left), tuple(name for name in features if name in young)


def _fitted(wish: Wish, rows: Rows, wanted: Targets) -> Fitted:
    use, inputs = wanted.learned, input_names(rows.signals)
    return fit_model(wish, rows.values[:, use], wanted.frauds[use], rows.weights[use], inputs)


def _threshold(scores: Floats, rows: Rows, calibration: Calibration | None, wanted: Threshold) -> float:
    if not isinstance(wanted, Costs):
        return threshold_for(scores, float(wanted), rows.rule_alerts, rows.traffic())
    if calibration is None:
        raise InputError(
            "There are too few frauds in the training window to calibrate probabilities, which costs need; "
            "give it more days, or an alert budget."
        )
    found = calibration.score_for(wanted.probability)
    return HIGHEST if found is None else min(max(found, LOWEST), HIGHEST)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
