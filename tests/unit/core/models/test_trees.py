"""Trees that learned from labels say in our loops what they say in scikit-learn."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from fraud_core.models import trees
from fraud_core.models.classifier import probability_of
from fraud_core.models.inputs import Floats

INPUTS = 6


def inputs(rows: int, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    values = random.lognormal(0.0, 2.0, (rows, INPUTS))
    values[:, 1] = values[:, 1].round()  # many are equal to a threshold
    values[random.random(values.shape) < 0.2] = np.nan
    return values


def fit(estimator: Any) -> Any:
    values = inputs(2_000, seed=1)
    odd = np.nan_to_num(values[:, 0]) + 3.0 * np.isnan(values[:, 2]) > 3.0
    return estimator.fit(values, odd, sample_weight=np.where(odd, 1.0, 2.5))


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(20, random_state=0),
        RandomForestClassifier(5, max_depth=1, random_state=0),
        ExtraTreesClassifier(20, min_samples_leaf=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
    ],
    ids=["forest", "stumps", "extra trees", "boosting"],
)
def test_the_probabilities_are_scikit_learns(estimator: Any) -> None:
    fitted = fit(estimator)
    values = inputs(1_000, seed=2)

    found = probability_of(fitted, INPUTS)(values)

    np.testing.assert_allclose(found, fitted.predict_proba(values)[:, 1], rtol=1e-12, atol=1e-12)


def test_a_row_gets_the_same_whatever_is_in_its_batch() -> None:
    asked = probability_of(fit(RandomForestClassifier(10, random_state=0)), INPUTS)
    values = inputs(300, seed=3)

    together, alone = asked(values), np.concatenate([asked(values[[row]]) for row in range(300)])

    np.testing.assert_array_equal(together, alone)


def test_trees_that_read_more_inputs_than_there_are_are_refused() -> None:
    arrays = trees.of_forest(fit(RandomForestClassifier(5, random_state=0)))

    with pytest.raises(ValueError, match="read more than the 2 inputs"):
        trees.check(arrays, 2)


def test_an_estimator_of_three_classes_is_refused() -> None:
    values = inputs(300, seed=1)
    fitted = RandomForestClassifier(2, random_state=0).fit(values, np.arange(300) % 3)

    with pytest.raises(ValueError, match="3 classes"):
        probability_of(fitted, INPUTS)
