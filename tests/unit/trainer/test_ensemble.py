"""The ensemble keeps the order of what is harmless, where trees are at chance, and repeats to the byte."""

import io
from functools import cache

import joblib
import numpy as np
import pytest

from fraud_core.features import FEATURES
from fraud_core.models import ensemble
from fraud_core.models.inputs import Floats
from fraud_trainer.evaluation import Mask
from fraud_trainer.fitting import Fitted, Wish, fit_model
from tests.support.bundles import feature_values

COUNT = 4_000
SMALL = {"n_estimators": 10, "max_iter": 10}


def example() -> tuple[Floats, Mask]:
    values = feature_values(COUNT, seed=1)
    return values, values[0] > np.quantile(values[0], 0.95)


def fit(**hyperparameters: float) -> Fitted:
    values, frauds = example()
    wish = Wish("ensemble", {**SMALL, **hyperparameters}, ("amount", "seconds_since_last"))
    return fit_model(wish, values, frauds, np.ones(COUNT))


@cache
def fitted() -> Fitted:
    return fit()


def test_what_all_trees_take_for_harmless_is_ordered_by_the_regression() -> None:
    values, frauds = example()
    alone = ensemble.alone(fitted().model, fitted().rows)
    trees = (alone["extra_trees"](values), alone["hist_gradient_boosting"](values))
    regression = alone["logistic_regression"](values)
    harmless = np.flatnonzero((np.maximum(*trees) < frauds.mean()) & (regression > frauds.mean() / 50))

    scores = fitted().raw(values)[harmless]

    order = np.argsort(regression[harmless])
    assert len(harmless) > 100
    assert np.all(np.diff(scores[order]) >= 0)
    assert len(np.unique(scores)) == len(np.unique(regression[harmless]))


def test_trees_that_are_sure_of_what_is_harmless_outvote_nobody() -> None:
    values, frauds = example()
    model = fitted().model
    said = {name: raw(values) for name, raw in ensemble.alone(model, fitted().rows).items()}
    bounded = {
        name: np.clip(one, frauds.mean() if name != "logistic_regression" else 1e-9, ensemble.MOST)
        for name, one in said.items()
    }
    odds = sum(model.members[name].weight * np.log(one / (1 - one)) for name, one in bounded.items())
    unfloored = said["logistic_regression"] > frauds.mean() / 50

    np.testing.assert_allclose(fitted().raw(values)[unfloored], 1 / (1 + np.exp(-odds[unfloored])))


def test_a_member_of_an_older_bundle_has_the_floor_of_its_ensemble() -> None:
    values, _ = example()
    older = joblib.load(io.BytesIO(fitted().pickled()))
    for member in older.members.values():
        member.__dict__.pop("floor")
    stored = io.BytesIO()
    joblib.dump(older, stored)
    loaded = joblib.load(stored)

    scores = ensemble.raw_scorer(loaded, fitted().rows)(values)

    assert scores.min() == pytest.approx(loaded.floor)


def test_one_seed_gives_one_ensemble() -> None:
    assert fit().pickled() == fitted().pickled()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "algorithm", ["hist_gradient_boosting", "random_forest", "logistic_regression", "ensemble"]
)
def test_a_feature_that_is_known_of_one_row_stops_no_training_with_few_frauds(
    algorithm: str, seed: int
) -> None:
    values, _ = example()
    read = ("amount", "seconds_since_last", "merchant_days_since_fraud")
    rare = FEATURES.index(read[-1])
    values[rare], values[rare, 17] = np.nan, 3.0
    frauds = np.zeros(COUNT, dtype=bool)
    frauds[np.argsort(values[0])[-6:]] = True

    model = fit_model(Wish(algorithm, {}, read, seed), values, frauds, np.ones(COUNT))

    assert [FEATURES[row] for row in model.rows] == [*read[:2]]
    assert model.dropped == read[-1:]
    assert model.raw(values)[frauds].min() > np.median(model.raw(values))
