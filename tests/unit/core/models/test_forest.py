import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from fraud_core.models.forest import BLOCK, from_sklearn, raw_scores

Matrix = NDArray[np.float32]


def matrix(rows: int, seed: int = 1) -> Matrix:
    random = np.random.default_rng(seed)
    columns = [
        random.lognormal(size=rows),
        random.integers(0, 3, rows),  # few values, so that splits meet ties
        random.normal(size=rows).round(1),
        np.zeros(rows),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def fitted(settings: dict[str, object] | None = None, rows: int = 2_000) -> IsolationForest:
    return IsolationForest(**{"n_estimators": 100, "random_state": 3, **(settings or {})}).fit(matrix(rows))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_estimators": 1},
        {"max_samples": 2},
        {"max_samples": 1_500},
        {"max_features": 0.5},
        {"bootstrap": True},
    ],
)
def test_the_kernel_gives_scikit_learns_scores(settings: dict[str, object]) -> None:
    estimator, rows = fitted(settings), matrix(1_000, seed=2)

    scores = raw_scores(from_sklearn(estimator), rows)

    np.testing.assert_allclose(scores, -estimator.score_samples(rows), rtol=0, atol=1e-12)


def test_the_kernel_flags_exactly_what_predict_flags() -> None:
    estimator, rows = fitted(), matrix(5_000, seed=2)

    flagged = raw_scores(from_sklearn(estimator), rows) > 0.5

    np.testing.assert_array_equal(flagged, estimator.predict(rows) == -1)


def test_a_value_at_a_threshold_goes_where_scikit_learn_sends_it() -> None:
    estimator = fitted()
    thresholds = np.concatenate([member.tree_.threshold for member in estimator.estimators_])
    at = thresholds.astype(np.float32)[:300]
    values = np.concatenate([at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))])
    rows = np.repeat(values[:, None], 4, axis=1)

    scores = raw_scores(from_sklearn(estimator), rows)

    np.testing.assert_allclose(scores, -estimator.score_samples(rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_a_row_scores_the_same_bits_alone_and_in_any_batch(rows: int) -> None:
    forest, inputs = from_sklearn(fitted()), matrix(rows, seed=2)

    together = raw_scores(forest, inputs)
    alone = [raw_scores(forest, inputs[row : row + 1])[0] for row in range(rows)]

    assert together.tolist() == alone


def test_trees_too_deep_to_pad_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 13 are walked"):
        from_sklearn(fitted({"n_estimators": 1, "max_samples": 20_000}, rows=20_000))
