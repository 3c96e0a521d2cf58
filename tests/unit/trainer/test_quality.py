"""The figures by which models are judged."""

import numpy as np
import pytest

from fraud_trainer.quality import DAY_MS, Judged, alerting, by_scenario, calibration, card_precision, ranking


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

    assert alerting(rows.alerts, rows.frauds) == {"alert_rate": 0.5, "recall": 0.5, "precision": 0.5}
    assert by_scenario(rows.alerts, rows) == {"theft": {"frauds": 2.0, "recall": 0.5}}
    assert alerting(np.zeros(2, dtype=bool), np.zeros(2, dtype=bool)) == {"alert_rate": 0.0}


def test_calibration_is_the_distance_of_probabilities_from_shares() -> None:
    perfect = judged(
        [0.0] * 10 + [1.0] * 10, [0] * 10 + [1] * 10, [0] * 20, list(range(20)), probabilities=True
    )
    wrong = judged([0.5] * 20, [0] * 20, [0] * 20, list(range(20)), probabilities=True)

    assert calibration(perfect) == {"brier": 0.0, "calibration_error": 0.0}
    assert calibration(wrong) == {"brier": 0.25, "calibration_error": 0.5}
    assert calibration(judged([0.5], [0], [0], [1])) == {}
