"""The figures by which models are judged."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud_trainer.evaluation import alert_shares
from fraud_trainer.quality import (
    BINS,
    DAY_MS,
    Judged,
    alerting,
    by_scenario,
    calibration,
    card_precision,
    equal_bins,
    ranking,
)


def judged(
    scores: list[float], frauds: list[int], days: list[int], users: list[int], *, probabilities: bool = False
) -> Judged:
    count = len(scores)
    return Judged(
        scores=np.array(scores),
        frauds=np.array(frauds, dtype=bool),
        times=np.array(days, dtype=np.int64) * DAY_MS,
        users=np.array(users, dtype=np.int64),
        alerts=np.array(scores) >= 0.5,
        rule_alerts=np.zeros(count, dtype=bool),
        scenarios=np.array(["theft" if fraud else "" for fraud in frauds], dtype=object),
        weights=np.ones(count),
        probabilities=np.array(scores) if probabilities else None,
    )


def test_card_precision_counts_users_once_a_day_and_leaves_out_those_found_before() -> None:
    rows = judged(
        # Day 0: users 1 and 2 are picked, 1 is a victim. Day 1: 1 is known, 2 and 3 are picked, 3 is one.
        scores=[0.9, 0.8, 0.7, 0.1, 0.9, 0.6, 0.5],
        frauds=[1, 0, 0, 0, 1, 0, 1],
        days=[0, 0, 0, 0, 1, 1, 1],
        users=[1, 1, 2, 3, 1, 2, 3],
    )

    assert card_precision(rows, cards=2) == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_a_victim_counts_on_the_day_even_if_another_of_its_transactions_scored_highest() -> None:
    rows = judged(scores=[0.9, 0.1], frauds=[0, 1], days=[0, 0], users=[1, 1])

    assert card_precision(rows, cards=1) == 1.0


def test_the_ranking_needs_both_kinds() -> None:
    assert ranking(judged([0.1, 0.9], [0, 0], [0, 0], [1, 2])) == {}
    found = ranking(judged([0.1, 0.9, 0.4], [0, 1, 0], [0, 0, 0], [1, 2, 3]))
    assert (found["roc_auc"], found["average_precision"]) == (1.0, 1.0)


def test_alerts_are_counted_against_the_truth() -> None:
    rows = judged([0.9, 0.6, 0.4, 0.1], [1, 0, 1, 0], [0] * 4, [1, 2, 3, 4])

    found = alerting(rows.alerts, rows.frauds, rows.weights)
    assert found == {"alert_rate": 0.5, "recall": 0.5, "precision": 0.5}
    assert by_scenario(rows.alerts, rows) == {"theft": {"frauds": 2.0, "recall": 0.5}}
    assert alerting(np.zeros(2, dtype=bool), np.zeros(2, dtype=bool), np.ones(2)) == {"alert_rate": 0.0}


def test_calibration_is_the_distance_of_probabilities_from_shares() -> None:
    perfect = judged(
        [0.0] * 10 + [1.0] * 10, [0] * 10 + [1] * 10, [0] * 20, list(range(20)), probabilities=True
    )
    wrong = judged([0.5] * 20, [0] * 20, [0] * 20, list(range(20)), probabilities=True)

    assert calibration(perfect) == {"brier": 0.0, "calibration_error": 0.0}
    assert calibration(wrong) == {"brier": 0.25, "calibration_error": 0.5}
    assert calibration(judged([0.5], [0], [0], [1])) == {}


SOME = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.integers(1, 7), st.sampled_from(["", "a", "a,b"])),
    min_size=1,
    max_size=60,
)
"""Rows: a score in tenths, whether it is fraud, how many transactions it stands for, and rules."""


def weighed(some: list[tuple[int, bool, int, str]]) -> Judged:
    tenths, frauds, weights, _ = zip(*some, strict=True)
    scores, count = [tenth / 10 for tenth in tenths], len(some)
    rows = judged(scores, list(frauds), [0] * count, list(range(count)), probabilities=True)
    return replace(rows, weights=np.array(weights, dtype=np.float64))


def repeated(rows: Judged) -> Judged:
    """Each row as often as it weighs, and each of weight 1."""
    often = rows.weights.astype(int)
    columns = {one.name: np.repeat(getattr(rows, one.name), often) for one in fields(rows)}
    return replace(rows, **columns | {"weights": np.ones(often.sum())})


def figures(rows: Judged) -> dict[str, Any]:
    return ranking(rows) | alerting(rows.alerts, rows.frauds, rows.weights) | calibration(rows)


@given(SOME)
def test_a_row_that_weighs_more_counts_as_if_it_stood_there_so_often(
    some: list[tuple[int, bool, int, str]],
) -> None:
    rows = weighed(some)
    expected = figures(repeated(rows))
    expected.pop("card_precision_at_100", None)
    found = figures(rows)
    found.pop("card_precision_at_100", None)

    assert found == pytest.approx(expected, abs=1e-12)


@given(SOME)
def test_shares_of_alerts_are_of_the_traffic(some: list[tuple[int, bool, int, str]]) -> None:
    rows, rules = weighed(some), np.array([rule for *_, rule in some], dtype=object)
    rules_repeated, all_rows = np.repeat(rules, rows.weights.astype(int)), repeated(rows)

    found = alert_shares(rows.alerts, rules != "", rules, rows.weights)

    expected = alert_shares(all_rows.alerts, rules_repeated != "", rules_repeated)
    assert found == pytest.approx(expected, abs=1e-12)


@given(SOME)
def test_where_nothing_was_left_out_figures_are_to_the_last_bit_what_they_are_without_weights(
    some: list[tuple[int, bool, int, str]],
) -> None:
    rows = repeated(weighed(some))
    bins = np.array_split(np.argsort(rows.scores, kind="stable"), BINS)

    assert [here.tolist() for here, _ in equal_bins(rows.scores, rows.weights)] == [
        here.tolist() for here in bins if here.size
    ]
    assert calibration(rows)["brier"] == np.mean((rows.scores - rows.frauds) ** 2)
    assert alerting(rows.alerts, rows.frauds, rows.weights)["alert_rate"] == rows.alerts.mean()
    if rows.frauds.any() and not rows.frauds.all():
        assert ranking(rows)["roc_auc"] == roc_auc_score(rows.frauds, rows.scores)
        assert ranking(rows)["average_precision"] == average_precision_score(rows.frauds, rows.scores)


def test_of_a_sample_there_is_no_card_precision() -> None:
    rows = judged([0.1, 0.9, 0.4], [0, 1, 0], [0, 0, 0], [1, 2, 3])

    assert "card_precision_at_100" in ranking(rows)
    assert "card_precision_at_100" not in ranking(replace(rows, weights=np.array([3.0, 1.0, 3.0])))
