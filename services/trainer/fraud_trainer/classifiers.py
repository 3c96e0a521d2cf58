"""The algorithms that learn from labels, and how the few frauds among many transactions are learned from."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from fraud_core.errors import InputError
from fraud_core.models import classifier
from fraud_core.models.derived import derivable, with_derived
from fraud_core.models.inputs import Floats, shape_inputs
from fraud_trainer import one_way
from fraud_trainer.algorithm import Algorithm, Examples
from fraud_trainer.drawing import Ints, Past, Risk, drawn
from fraud_trainer.evaluation import Mask
from fraud_trainer.hyperparameters import (
    BoostingHyperparameters,
    ForestHyperparameters,
    LogisticHyperparameters,
    Supervised,
)
from fraud_trainer.inputs import READINGS, UNKNOWN_READING


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order, so that a seed gives one model; and threads that spin don't fight over cores."""
    with threadpool_limits(limits=1):
        yield


def _random_forest(examples: Examples, chosen: ForestHyperparameters, seed: int) -> RandomForestClassifier:
    return _forest(RandomForestClassifier, examples, chosen, seed)


def _extra_trees(examples: Examples, chosen: ForestHyperparameters, seed: int) -> ExtraTreesClassifier:
    return _forest(ExtraTreesClassifier, examples, chosen, seed)


def _forest(kind: Any, examples: Examples, chosen: ForestHyperparameters, seed: int) -> Any:  # noqa: ANN401 - untyped
    settings = chosen.model_dump(exclude={"legitimate_per_fraud"})
    estimator = kind(**settings, random_state=seed, n_jobs=-1)
    return estimator.fit(examples.inputs, examples.frauds, sample_weight=examples.weights).set_params(
        n_jobs=None
    )


def _boosting(
    examples: Examples, chosen: BoostingHyperparameters, seed: int
) -> HistGradientBoostingClassifier:
    settings = chosen.model_dump(exclude={"legitimate_per_fraud"})
    estimator = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=seed)
    return estimator.fit(examples.inputs, examples.frauds, sample_weight=examples.weights)


def _logistic(examples: Examples, chosen: LogisticHyperparameters, seed: int) -> Pipeline:
    settings = chosen.model_dump(exclude={"legitimate_per_fraud", "one_way"})
    logged = tuple(READINGS.get(name, UNKNOWN_READING).logged for name in examples.names)
    unlimited = tuple(np.full(len(logged), np.inf).tolist())
    limits = {"logged": logged, "low": tuple(-limit for limit in unlimited), "high": unlimited}
    steps = [
        ("shape", FunctionTransformer(shape_inputs, kw_args=limits)),
        ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
        ("scale", StandardScaler()),
        ("regression", LogisticRegression(**settings, random_state=seed)),
    ]
    pipeline = Pipeline(steps)
    if chosen.one_way:
        return _fitted_one_way(pipeline, examples, chosen)
    return pipeline.fit(examples.inputs, examples.frauds, regression__sample_weight=examples.weights)


def _fitted_one_way(pipeline: Pipeline, examples: Examples, chosen: LogisticHyperparameters) -> Pipeline:
    """The pipeline as its own `fit` would leave it, but for the signs of weights."""
    inputs = pipeline[:-1].fit_transform(examples.inputs)
    limits = one_way.bounds(examples.names, inputs.shape[1])
    found, constant = one_way.weights(
        inputs, examples.frauds, examples.weights, limits, chosen.C, chosen.max_iter
    )
    regression = pipeline[-1]
    regression.classes_, regression.n_features_in_ = np.array([False, True]), inputs.shape[1]
    regression.coef_, regression.intercept_ = found[None, :], np.array([constant])
    return pipeline


CLASSIFIERS = {
    "random_forest": Algorithm(ForestHyperparameters, _random_forest),
    "extra_trees": Algorithm(ForestHyperparameters, _extra_trees),
    "hist_gradient_boosting": Algorithm(BoostingHyperparameters, _boosting),
    "logistic_regression": Algorithm(LogisticHyperparameters, _logistic),
}


def _risk(examples: Examples, seed: int) -> Risk:
    """A first guess at which transactions are risky: a logistic regression's."""
    with one_thread():
        regression = _logistic(examples, LogisticHyperparameters(), seed)

    def risk(inputs: Floats) -> Floats:
        with one_thread():
            return np.asarray(regression.decision_function(inputs), dtype=np.float64)

    return risk


def fitted(
    algorithm: Algorithm,
    chosen: Supervised,
    values: Floats,
    names: tuple[str, ...],
    frauds: Mask,
    weights: Floats,
    seed: int,
) -> tuple[Pipeline, Ints]:
    """A bundle's pipeline, fitted, and which of the features it reads: those that what was drawn knows.

    Args:
        algorithm: what to fit.
        chosen: its hyperparameters.
        values: shape (features, transactions).
        names: of the features.
        frauds: which are frauds; there are both kinds.
        weights: how many transactions each stands for.
        seed: of all that is drawn.

    Raises:
        InputError: of what was drawn no feature is known.
    """
    kept, weighted = drawn(Past(values, names, frauds, weights), chosen.legitimate_per_fraud, seed, _risk)
    examples = values[:, kept]
    known = np.flatnonzero(~np.isnan(examples).all(axis=1))
    if not known.size:
        raise InputError("None of the features has a value in what is learned from; widen the window.")
    columns, names = examples[known].T, tuple(names[place] for place in known)
    derived = derivable(names)
    inputs = with_derived(columns, names, derived)
    made = inputs[:, len(names) :].T
    derived = tuple(name for name, column in zip(derived, made, strict=True) if not np.isnan(column).all())
    inputs = with_derived(columns, names, derived)
    with one_thread():
        estimator = algorithm.fit(Examples(inputs, frauds[kept], weighted, (*names, *derived)), chosen, seed)
    return classifier.pipeline(estimator, names, derived), known
