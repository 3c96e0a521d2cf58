"""What was usual: medians and bins of a window, whatever its values are like."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fraud_core.features import FEATURES
from fraud_core.models.reference import Usual, bins, reference

Floats = np.ndarray[Any, np.dtype[np.float64]]
SCORES = np.array([0.05, 0.5, 0.999, 0.9999])
VALUES = st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0, 5e-324, float("nan")])


def usual(values: Floats, weights: Floats | None = None) -> Usual:
    return reference(values[None], ("amount",), SCORES, weights).features["amount"]


def counted(of: Usual, values: Floats) -> tuple[int, ...]:
    matrix = np.full((len(FEATURES), values.size), np.nan)
    matrix[0] = values
    found = bins({"amount": of}, FEATURES)
    [counts] = found.told(found.count(matrix))
    return counts


def test_a_bin_holds_about_a_tenth() -> None:
    found = usual(np.random.default_rng(1).lognormal(size=10_000))

    assert found.counts == pytest.approx([1_000] * 10, abs=2)


def test_what_a_tenth_or_more_have_in_common_has_a_bin_of_its_own() -> None:
    values = np.repeat([0.0, 1.0, 2.0, 9.0], [900, 60, 30, 10])

    assert usual(values) == Usual(typical=0.0, edges=(0.5,), counts=(900, 100), unknown=0)
    assert usual(-values) == Usual(typical=0.0, edges=(-0.5,), counts=(100, 900), unknown=0)


def test_the_median_is_a_value_that_was_there_and_unknown_where_most_are() -> None:
    half = np.array([1.0, 1.0, 0.0, 0.0, np.nan])

    assert usual(half).typical == 0.0
    assert usual(np.array([1.0, np.nan, np.nan])).typical is None
    assert usual(np.full(3, np.nan)) == Usual(typical=None, edges=(), counts=(0,), unknown=3)


def test_a_row_counts_for_as_many_as_it_stands_for() -> None:
    values, weights = np.array([1.0, 2.0, 3.0, np.nan]), np.array([1.0, 1.0, 18.0, 5.0])

    assert usual(values, weights) == usual(np.repeat(values, weights.astype(int)))


@given(arrays(np.float64, st.integers(1, 60), elements=VALUES))
def test_counting_the_window_again_gives_its_own_counts(values: Floats) -> None:
    found = usual(values)

    assert counted(found, values) == (*found.counts, found.unknown)
    assert sum(found.counts) + found.unknown == values.size
    assert 0 not in found.counts or np.isnan(values).all()
    assert len(found.counts) <= 20


def test_any_value_has_a_bin() -> None:
    found = usual(np.arange(100.0))

    assert sum(counted(found, np.array([-np.inf, np.inf, np.nan, -1e308, 1e308, 50.0]))) == 6
    assert counted(found, np.array([np.inf, np.nan]))[-1] == 2


def test_features_keep_their_own_bins_beside_each_other_and_the_calendar_has_none() -> None:
    values = np.vstack([np.arange(100.0), np.arange(100.0) % 2, np.arange(100.0) % 24])
    found = reference(values, ("amount", "location_changed", "hour"), SCORES)
    matrix = np.full((len(FEATURES), 100), np.nan)
    for row, name in zip(values, found.features, strict=True):
        matrix[FEATURES.index(name)] = row

    counting = bins(found.features, FEATURES)

    assert counting.names == ("amount", "location_changed")
    assert counting.told(counting.count(matrix)) == [(*[10] * 10, 0), (50, 50, 0)]


def test_scores_are_counted_finely_where_alerts_are() -> None:
    assert reference(np.zeros((1, 1)), ("amount",), SCORES).scores == (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2)


def test_scores_are_counted_as_the_traffic_that_they_stand_for() -> None:
    weights = np.array([10.0, 10.0, 1.0, 1.0])

    found = reference(np.zeros((1, 4)), ("amount",), SCORES, score_weights=weights)

    assert found.scores == (10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 2)
