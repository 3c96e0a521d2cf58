"""Known frauds speak for fraud, to a regression too that could explain its past better otherwise."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from fraud_core.features import FEATURES
from fraud_core.models.inputs import Floats
from fraud_trainer import one_way
from fraud_trainer.fitting import Wish, fit_model
from fraud_trainer.hyperparameters import Value
from fraud_trainer.inputs import READINGS

COUNT = 4_000
NAMES = ("merchant_fraud_rate_7d", "merchant_fraud_rate_30d", "amount")
ALONE: Mapping[str, Value] = {"extra_trees": 0.0, "hist_gradient_boosting": 0.0}
FREE = (np.full(2, -np.inf), np.full(2, np.inf))


def example() -> tuple[Floats, NDArray[np.bool_]]:
    """Rates of a week and of a month that say the same, and frauds that happen to prefer a low month."""
    draw = np.random.default_rng(1)
    values = np.full((len(FEATURES), COUNT), np.nan)
    rate = draw.beta(1, 30, COUNT)
    noise = draw.normal(0, 0.01, COUNT)
    week, month, amount = (FEATURES.index(name) for name in NAMES)
    values[week], values[month], values[amount] = rate + noise, rate, draw.gamma(2, 30, COUNT)
    odds = 60 * rate + 150 * noise + 0.02 * values[amount] - 6
    return values, draw.random(COUNT) < 1 / (1 + np.exp(-odds))


def weights(name: str, given: Mapping[str, Value]) -> Floats:
    values, frauds = example()
    model = fit_model(Wish(name, given, NAMES), values, frauds, np.ones(COUNT)).model
    pipeline = model.members["logistic_regression"].fitted if name == "ensemble" else model
    found: Floats = pipeline.named_steps["classifier"][-1].coef_[0]
    return found


def test_a_rate_of_frauds_may_not_speak_against_fraud() -> None:
    assert weights("ensemble", {**ALONE, "one_way": False})[1] < 0

    week, month, amount = weights("ensemble", ALONE)

    assert week > 0
    assert month == 0
    assert amount > 0


def test_it_is_the_ensembles_way_and_not_that_of_a_regression_alone() -> None:
    assert weights("logistic_regression", {})[1] < 0
    assert weights("logistic_regression", {"one_way": True})[1] == 0


def test_the_same_past_gives_the_same_bytes() -> None:
    values, frauds = example()
    first, again = (
        fit_model(Wish("ensemble", ALONE, NAMES), values, frauds, np.ones(COUNT)).pickled() for _ in range(2)
    )

    assert first == again


def test_without_limits_it_is_scikit_learns() -> None:
    draw = np.random.default_rng(2)
    inputs, counts = draw.normal(size=(COUNT, 2)), draw.uniform(1, 5, COUNT)
    frauds = draw.random(COUNT) < 1 / (1 + np.exp(3 - inputs @ [1.0, -2.0]))
    expected = LogisticRegression(C=0.1, tol=1e-8).fit(inputs, frauds, sample_weight=counts)

    found, constant = one_way.weights(inputs, frauds, counts, FREE, 0.1, 300)

    np.testing.assert_allclose(found, expected.coef_[0], rtol=1e-3)
    assert constant == pytest.approx(expected.intercept_[0], rel=1e-3)


def test_every_feature_that_labels_go_into_has_a_direction() -> None:
    assert {READINGS[name].risky for name in one_way.LABEL_DERIVED} == {"high", "low"}


def test_what_says_that_an_input_is_unknown_may_say_anything() -> None:
    least, most = one_way.bounds(NAMES, 5)

    np.testing.assert_array_equal(least, [0, 0, -np.inf, -np.inf, -np.inf])
    np.testing.assert_array_equal(most, np.full(5, np.inf))
