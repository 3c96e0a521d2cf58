import math
import os
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fraud_core.models.score_map import ScoreMap, apply, fit, threshold_for

RANDOM = np.random.default_rng(1)
WINDOW = RANDOM.normal(0.45, 0.03, 50_000)
MAP = fit(WINDOW)

raw_outputs = st.lists(
    st.floats(min_value=-1, max_value=2).map(lambda value: round(value, 6)), min_size=2, unique=True
)


def scored(*raw: float, found: ScoreMap = MAP) -> list[float]:
    scores: list[float] = apply(np.array(raw), found.arrays()).tolist()
    return scores


PICKLED = """
import pickle, sys
from fraud_core.models.score_map import ScoreMap
sys.stdout.buffer.write(pickle.dumps(ScoreMap(raw=(0.1, 0.9), rank=(0.2, 0.8))))
"""


def test_inside_a_bundle_it_has_the_same_bytes_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PICKLED],
            env={**os.environ, "PYTHONHASHSEED": str(seed)}, check=True, capture_output=True,
        ).stdout
        for seed in range(4)
    }  # fmt: skip

    [one] = found
    assert pickle.loads(one) == ScoreMap(raw=(0.1, 0.9), rank=(0.2, 0.8))  # noqa: S301 - made above


@pytest.mark.parametrize("rank", [0.1, 0.5, 0.9, 0.99, 0.999])
def test_a_score_is_the_share_of_the_window_that_is_less_risky(rank: float) -> None:
    assert scored(float(np.quantile(WINDOW, rank)))[0] == pytest.approx(rank, abs=(1 - rank) / 20)


@given(raw_outputs)
def test_scores_order_as_raw_outputs_do(raw: list[float]) -> None:
    scores = scored(*sorted(raw))

    assert all(earlier < later for earlier, later in pairwise(scores))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_raw_output_reaches_0_or_1(raw: float) -> None:
    assert 0.0 < scored(raw)[0] < 1.0


def test_a_window_of_one_value_still_has_two_sides() -> None:
    lower, middle, higher = scored(0.2, 0.3, 0.4, found=fit(np.full(1_000, 0.3)))

    assert lower < middle < higher
    assert middle == 0.5


@given(st.lists(st.sampled_from([0.1, 0.4, 0.5, math.nextafter(0.5, 1), 0.6, 0.9]), min_size=1))
def test_a_boundary_is_told_from_the_next_float(window: list[float]) -> None:
    found = fit(np.array(window), boundary=0.5)

    below, at, above, higher = scored(0.4999, 0.5, math.nextafter(0.5, 1), 0.5001, found=found)

    assert below <= at < above <= higher


def test_the_map_survives_json_bit_by_bit() -> None:
    assert ScoreMap.model_validate_json(MAP.model_dump_json()) == MAP


@pytest.mark.parametrize(
    ("raw", "rank"),
    [
        ((), ()),
        ((1.0,), ()),
        ((2.0, 1.0), (0.1, 0.2)),
        ((1.0, 2.0), (0.2, 0.1)),
        ((1.0,), (0.0,)),
        ((1.0,), (1.0,)),
    ],
)
def test_a_map_that_does_not_rise_is_refused(raw: tuple[float, ...], rank: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        ScoreMap(raw=raw, rank=rank)


def test_the_threshold_is_the_lowest_that_fits_the_budget() -> None:
    scores = np.arange(1, 1001) / 1001

    limit = threshold_for(scores, 0.005)

    assert (scores >= limit).sum() == 5


def test_equal_scores_are_alerts_together_or_not_at_all() -> None:
    scores = np.array([0.9] * 3 + [0.1] * 97)

    assert (scores >= threshold_for(scores, 0.03)).sum() == 3
    assert (scores >= threshold_for(scores, 0.02)).sum() == 0


def test_alerts_of_rules_use_up_the_budget_unless_the_model_agrees() -> None:
    scores = np.arange(1, 101) / 101
    by_rule = np.zeros(100, dtype=bool)
    by_rule[[0, 99]] = True

    alerts = scores >= threshold_for(scores, 0.05, by_rule)

    assert (alerts | by_rule).sum() == 5
    assert alerts.sum() == 4


def test_where_rules_alone_exceed_the_budget_it_is_the_models_own() -> None:
    scores = np.arange(1, 101) / 101

    assert (scores >= threshold_for(scores, 0.05, np.ones(100, dtype=bool))).sum() == 5


WEIGHED = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.booleans()), min_size=1, max_size=60)
"""Rows: a score in fortieths, how many transactions it stands for, and whether a rule alerts."""


@given(WEIGHED)
def test_a_row_that_weighs_more_ranks_as_if_it_stood_there_so_often(
    rows: list[tuple[int, int, bool]],
) -> None:
    raw, weights, _ = (np.array(column) for column in zip(*rows, strict=True))

    found = fit(raw / 40, weights=weights.astype(np.float64))

    assert found == fit(np.repeat(raw / 40, weights))


@given(WEIGHED, st.integers(1, 60))
def test_the_budget_is_of_the_traffic_that_rows_stand_for(
    rows: list[tuple[int, int, bool]], percent: int
) -> None:
    scores, weights, by_rule = (np.array(column) for column in zip(*rows, strict=True))
    budget = percent / 100

    found = threshold_for(scores / 40, budget, by_rule, weights.astype(np.float64))

    assert found == threshold_for(np.repeat(scores / 40, weights), budget, np.repeat(by_rule, weights))
