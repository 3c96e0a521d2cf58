"""Contributions add up to what the score is above the typical one, and depend on nothing but the row."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fraud_core.features import FEATURES, names
from fraud_core.models import LoadedModel
from fraud_core.models.explaining import MOST_ROWS, Explained, explained, orders
from fraud_core.models.loading import load
from fraud_core.models.typical import typical_rows
from tests.support.bundles import feature_values, small_bundle

Floats = np.ndarray[Any, np.dtype[np.float64]]
WIDTH = 6
ROWS = np.arange(WIDTH)
VALUES = st.floats(-100, 100) | st.just(float("nan"))
MATRICES = st.integers(1, 9).flatmap(lambda count: arrays(np.float64, (WIDTH, count), elements=VALUES))


def crooked(values: Floats) -> Floats:
    """A score in which features work together, and unknown ones count too."""
    known = np.nan_to_num(values, nan=-3.0)
    either = np.where(known[0] > known[1], known[2] * known[3], np.maximum(known[4], known[5]))
    return np.asarray(either)


def explain(score: Any, values: Floats, typical: Floats) -> Explained:
    return explained(score, values, typical, ROWS)


@given(MATRICES, st.data())
def test_contributions_add_up_to_the_score_above_the_typical_one(values: Floats, data: st.DataObject) -> None:
    typical = data.draw(arrays(np.float64, values.shape, elements=VALUES))

    found = explain(crooked, values, typical).contributions

    np.testing.assert_allclose(found.sum(axis=0), crooked(values) - crooked(typical), atol=1e-9)


@given(MATRICES)
def test_a_feature_with_its_typical_value_gets_nothing(values: Floats) -> None:
    typical = np.zeros_like(values)
    typical[:3] = values[:3]

    found = explain(crooked, values, typical).contributions

    assert not found[:3].any()


@given(MATRICES, st.data())
def test_each_row_gets_the_same_bits_in_any_batch(values: Floats, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(values.shape[1])))
    typical = np.zeros_like(values)
    whole = explain(crooked, values, typical).contributions

    alone = [explain(crooked, values[:, [one]], typical[:, [one]]).contributions[:, 0] for one in order]

    np.testing.assert_array_equal(np.array(alone), whole[:, order].T)


def test_so_does_a_real_model_in_batches_of_any_size() -> None:
    values, model = feature_values(3_000, seed=5), load(small_bundle())
    whole = contributions(model, values)

    for size in (1, 7, 640):
        parts = [contributions(model, values[:, first : first + size]) for first in range(0, 640, size)]
        np.testing.assert_array_equal(np.concatenate(parts, axis=1)[:, :640], whole[:, :640])


def contributions(model: LoadedModel, values: Floats) -> Floats:
    found = model.explain(values)
    assert found
    return found.contributions


def test_the_feature_that_alone_decides_gets_all_of_it() -> None:
    values, typical = feature_values(50, seed=1)[:WIDTH], np.ones((WIDTH, 50))

    found = explain(lambda asked: np.nan_to_num(asked[4]), values, typical).contributions

    np.testing.assert_allclose(found[4], np.nan_to_num(values[4]) - 1.0)
    assert not np.delete(found, 4, axis=0).any()


def test_a_sum_is_told_exactly_feature_by_feature() -> None:
    weights = np.arange(1.0, WIDTH + 1)
    values, typical = np.full((WIDTH, 1), 3.0), np.full((WIDTH, 1), 2.0)

    found = explain(lambda asked: weights @ asked, values, typical).contributions

    np.testing.assert_allclose(found[:, 0], weights)


def test_two_that_do_the_same_share_what_either_would_have_done() -> None:
    values, typical = np.ones((WIDTH, 1)), np.zeros((WIDTH, 1))

    found = explain(lambda asked: np.maximum(asked[0], asked[1]), values, typical).contributions

    np.testing.assert_allclose(found[:2, 0], 0.5)


def test_orders_are_pairs_and_every_one_has_each_feature_once() -> None:
    found = orders(48)

    assert (np.sort(found, axis=1) == np.arange(48)).all()
    np.testing.assert_array_equal(found[0], found[1][::-1])


def test_however_many_alerts_few_rows_are_scored_at_once() -> None:
    asked = []

    def counted(values: Floats) -> Floats:
        asked.append(values.shape[1])
        return np.asarray(np.nan_to_num(values[0]))

    explain(counted, feature_values(5_000, seed=1)[:WIDTH], np.zeros((WIDTH, 5_000)))

    assert max(asked) <= MOST_ROWS
    assert sum(asked) <= 5_000 * (len(orders(WIDTH)) * (WIDTH - 1) + 2)


def test_a_model_that_fails_on_a_made_up_row_leaves_that_row_alone_unexplained() -> None:
    def delicate(values: Floats) -> Floats:
        if (values[0] == 13).any():
            raise RuntimeError("no such tree")
        return np.asarray(np.nan_to_num(values[1]))

    values, typical = np.arange(WIDTH * 20.0).reshape(WIDTH, 20), np.zeros((WIDTH, 20))

    found = explain(delicate, values, typical).contributions

    assert np.flatnonzero(np.isnan(found).all(axis=0)).tolist() == [13]
    np.testing.assert_array_equal(found[1, :13], values[1, :13])


def test_a_model_that_gives_too_few_scores_explains_nothing() -> None:
    found = explain(lambda asked: asked[0, 1:], np.ones((WIDTH, 3)), np.zeros((WIDTH, 3)))

    assert np.isnan(found.contributions).all()


def test_typical_is_the_users_own_past_where_there_is_one() -> None:
    values = np.full((len(FEATURES), 2), np.nan)
    medians = np.arange(float(len(FEATURES)))
    values[names.AMOUNT] = 950.0
    values[names.TXN_30D] = [61, 1]
    values[names.AMOUNT_TO_MEAN_30D, 0] = 19.0
    values[names.AMOUNT_ZSCORE_30D, 0] = 12.0
    values[names.USER_AGE_DAYS] = [400.0, 0.0]

    known, new = typical_rows(values, medians).T

    assert known[names.AMOUNT] == 50.0
    assert known[names.AMOUNT_TO_MEAN_30D] == 1.0
    assert known[names.AMOUNT_ZSCORE_30D] == 0.0
    assert known[names.TXN_PER_HOUR] == 1.0
    assert known[names.TXN_PER_DAY] == 3.0
    assert known[names.AMOUNT_SUM_1D] == 150.0
    assert known[names.TXN_7D] == 15.0
    assert known[names.SECONDS_SINCE_LAST] == 43_200.0
    assert known[names.MERCHANT_VISITS] == medians[names.MERCHANT_VISITS]
    np.testing.assert_array_equal(new, medians)


def test_a_bundle_of_before_explains_nothing_and_keeps_its_digest() -> None:
    bundle = small_bundle()
    old = type(bundle)(bundle.manifest.model_copy(update={"reference": None}), bundle.model)

    assert load(old).explain(feature_values(3, seed=1)) is None
    assert b"reference" not in old.manifest.to_bytes()


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_and_one_row_are_batches_too(rows: int) -> None:
    assert contributions(load(small_bundle()), feature_values(9, seed=1)[:, :rows]).shape == (2, rows)
