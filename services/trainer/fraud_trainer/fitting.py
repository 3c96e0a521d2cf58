"""From an algorithm's name to a fitted model: one classifier, or several as an ensemble."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import IsolationForest

from fraud_core.errors import ConfigError, InputError
from fraud_core.features import FEATURES
from fraud_core.models import classifier, ensemble, isolation_forest
from fraud_core.models.inputs import Floats
from fraud_core.models.loaded import RawScorer
from fraud_core.models.score_map import fit
from fraud_core.signals import PREFIX, Signal
from fraud_trainer.algorithm import Algorithm, plugged_in, plugged_in_names
from fraud_trainer.classifiers import CLASSIFIERS, fitted
from fraud_trainer.evaluation import Mask
from fraud_trainer.hyperparameters import (
    EnsembleHyperparameters,
    Supervised,
    Value,
    checked,
)
from fraud_trainer.inputs import DEFAULT_FEATURES, limits

ENSEMBLE, ISOLATION_FOREST = "ensemble", "isolation_forest"
NOT_READ = frozenset({"user_age_days"})
"""In a young history it counts days since the history began."""
SUPERVISED_FEATURES = tuple(name for name in FEATURES if name not in NOT_READ)
KNOWN_SIGNAL = 0.5
"""A signal that is known of a smaller share of what a model is fitted to is not read: rather than what it
says, a model would learn when it is unknown, which is before there was the rule. What it is fitted to has a
label, or is old enough to count as legitimate without one; what is younger does not count."""
COMPRESSION = 3
FLOOR = 1.0
"""Of the share of frauds: what a member of an ensemble takes for less likely than usual counts as usual. Few
frauds are left there, and the order in which trees put the rest is chance."""
SMOOTH_FLOOR = 1 / 100
"""The same for a logistic regression: it is smooth, so its order holds among what is harmless too."""
Ints = np.ndarray[Any, np.dtype[np.int64]]


def algorithms() -> list[str]:
    """The names that `--algorithm` takes."""
    return [ISOLATION_FOREST, *CLASSIFIERS, ENSEMBLE, *plugged_in_names()]


def algorithm(name: str) -> Algorithm:
    """The classifier of this name; for an ensemble its hyperparameters alone count.

    Raises:
        ConfigError: there is none.
    """
    if name == ENSEMBLE:
        return Algorithm(EnsembleHyperparameters, _no_fit)
    if name in CLASSIFIERS:
        return CLASSIFIERS[name]
    try:
        return plugged_in(name)
    except KeyError:
        raise ConfigError(f"There is no algorithm {name}. There are {', '.join(algorithms())}.") from None


def _no_fit(*_: object) -> None:
    raise NotImplementedError


@dataclass(frozen=True)
class Fitted:
    """A fitted model.

    Attributes:
        model: what is pickled.
        rows: of the inputs that it reads, among all.
        dropped: inputs that were asked for, but without any value in what was learned from.
        raw: what it says of matrices of all inputs.
    """

    model: Any
    rows: Ints
    dropped: tuple[str, ...]
    raw: RawScorer

    def pickled(self) -> bytes:
        """Content of `model.joblib`."""
        file = io.BytesIO()
        joblib.dump(self.model, file, compress=COMPRESSION)
        return file.getvalue()


@dataclass(frozen=True)
class Wish:
    """What shall be fitted.

    Attributes:
        algorithm: its name.
        hyperparameters: by name, those that shall not be the default.
        features: names of those that the model shall read, signals included.
        seed: of all that is drawn.
    """

    algorithm: str
    hyperparameters: Mapping[str, Value]
    features: tuple[str, ...] = SUPERVISED_FEATURES
    seed: int = 0

    def chosen(self) -> Supervised:
        """The hyperparameters, defaults included.

        Raises:
            ConfigError: the algorithm or a hyperparameter can't be.
        """
        return checked(self.algorithm, algorithm(self.algorithm).hyperparameters, self.hyperparameters)


def fit_model(
    wish: Wish, values: Floats, frauds: Mask, weights: Floats, inputs: tuple[str, ...] = FEATURES
) -> Fitted:
    """Fit to all these rows.

    Args:
        wish: what to fit.
        values: all inputs, shape (inputs, rows).
        frauds: which are frauds.
        weights: how many transactions each stands for.
        inputs: names of the rows of `values`: all features, and signals after them.

    Raises:
        ConfigError: the algorithm, a hyperparameter or a feature can't be.
        InputError: there is nothing to tell apart, no feature has a value, or no decision names a rule yet.
    """
    if frauds.all() or not frauds.any():
        raise InputError(
            f"Of the {frauds.size:,} transactions of the training window that are learned from "
            f"{int(frauds.sum()):,} are frauds: there is nothing to tell apart. Widen the window, or train "
            "an isolation_forest."
        )
    rows, dropped = _known(values, wish.features, inputs)
    names = tuple(inputs[row] for row in rows)
    chosen = wish.chosen()
    if isinstance(chosen, EnsembleHyperparameters):
        base_rate = float(weights[frauds].sum() / weights.sum())
        members = dict(_members(chosen, values, rows, names, frauds, weights, base_rate, wish.seed))
        places = np.unique([place for member in members.values() for place in member.places])
        model = ensemble.Members(_of_these(members, places), FLOOR * base_rate)
        raw = ensemble.raw_scorer(model, rows[places])
    else:
        offered = algorithm(wish.algorithm)
        model, places = fitted(offered, chosen, values[rows], names, frauds, weights, wish.seed)
        raw = classifier.raw_scorer(model, rows[places])
    left = tuple(name for place, name in enumerate(names) if place not in places)
    return Fitted(model, rows[places], (*dropped, *left), raw)


def _known(
    values: Floats, features: tuple[str, ...], inputs: tuple[str, ...]
) -> tuple[Ints, tuple[str, ...]]:
    """The rows of the inputs that have values, and the names of those that have none."""
    unknown = [name for name in features if name not in inputs]
    if wrong := [name for name in unknown if not name.startswith(PREFIX)]:
        raise ConfigError(f"There is no feature {', '.join(wrong)}. There are {', '.join(inputs)}.")
    if unknown:  # which may change with the next decision, so it is no fault of who asks
        raise InputError(
            f"No decision names {', '.join(unknown)} yet: the latest one was made without such a rule with "
            "action `signal`. Add it to the detectors' rule file, or leave it out of the features."
        )
    rows = [inputs.index(name) for name in dict.fromkeys(features)]
    has = [row for row in rows if not np.isnan(values[row]).all()]
    if not has:
        raise InputError("None of the features has a value in the training window; widen the window.")
    return np.array(has, dtype=np.int64), tuple(inputs[row] for row in rows if row not in has)


def _of_these(members: Mapping[str, ensemble.Member], places: Ints) -> dict[str, ensemble.Member]:
    """The members, whose features are among those that any of them reads."""
    return {
        name: replace(member, places=tuple(np.searchsorted(places, member.places).tolist()))
        for name, member in members.items()
    }


def young_signals(fired: Floats, signals: Sequence[Signal]) -> set[str]:
    """Inputs for the signals that too few transactions know for a model to be fitted to them.

    Args:
        fired: where each did, of the transactions that the model learns, shape (signals, transactions).
        signals: of the rules.
    """
    known = (~np.isnan(fired)).sum(axis=1)
    fewest = KNOWN_SIGNAL * fired.shape[1]
    return {signal.input for signal, count in zip(signals, known, strict=True) if count < fewest}


def _members(
    chosen: EnsembleHyperparameters,
    values: Floats,
    rows: Ints,
    names: tuple[str, ...],
    frauds: Mask,
    weights: Floats,
    base_rate: float,
    seed: int,
) -> list[tuple[str, ensemble.Member]]:
    wanted = {name: getattr(chosen, name) for name in (*CLASSIFIERS, ISOLATION_FOREST)}
    total = sum(wanted.values())
    if not total:
        raise ConfigError("All members of the ensemble weigh 0; give at least one a weight.")
    found = []
    for number, (name, weight) in enumerate(wanted.items()):
        if not weight:
            continue
        if name == ISOLATION_FOREST:
            found.append((name, _anomaly(weight / total, values, rows, names, seed)))
            continue
        offered = CLASSIFIERS[name]
        shared = {field: getattr(chosen, field) for field in (SHARED, *_OWN.get(name, ()))}
        settings = offered.hyperparameters(**shared)
        pipeline, places = fitted(
            offered, settings, values[rows], names, frauds, weights, 1_000 * seed + number
        )
        floor = SMOOTH_FLOOR * base_rate if name in _SMOOTH else None
        found.append((name, ensemble.Member(weight / total, pipeline, tuple(places.tolist()), floor=floor)))
    return found


_SMOOTH = frozenset({"logistic_regression"})
SHARED = "legitimate_per_fraud"
_OWN = {
    "random_forest": ("n_estimators",),
    "extra_trees": ("n_estimators",),
    "hist_gradient_boosting": ("max_iter",),
    "logistic_regression": ("one_way",),
}


def _anomaly(weight: float, values: Floats, rows: Ints, names: tuple[str, ...], seed: int) -> ensemble.Member:
    places = tuple(place for place, name in enumerate(names) if name in DEFAULT_FEATURES)
    if not places:
        raise ConfigError("None of the features is one that an isolation_forest reads; leave it out.")
    read = rows[list(places)]
    shaping = limits(values[read].T, tuple(names[place] for place in places))
    forest = IsolationForest(max_samples=min(512, values.shape[1]), random_state=seed)
    pipeline = isolation_forest.pipeline(forest, shaping.logged, shaping.low, shaping.high).fit(
        values[read].T
    )
    rank = fit(isolation_forest.raw_scorer(pipeline, read)(values))
    return ensemble.Member(weight, pipeline, places, rank)
