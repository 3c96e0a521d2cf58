"""What is counted of transactions that are through."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_local.demo.figures import Detection, Figures, Latency
from fraud_local.demo.ledger import ARRIVED, PRODUCED

SCHEMA = pl.Schema({**PRODUCED, **ARRIVED})


def matched(*rows: dict[str, object]) -> pl.DataFrame:
    plain = {
        "transaction_id": "t", "amount": 10.0, "fraud": False, "scenario": None, "live": True,
        "tutorial": False, "outcome": "classified", "score": 0.5, "latency_ms": 5.0,
    }  # fmt: skip
    return pl.DataFrame([plain | row for row in rows], schema=SCHEMA)


def test_outcomes_count_history_too_and_detection_the_live_part_alone() -> None:
    figures = Figures()

    figures.add(
        matched(
            {"live": False, "outcome": "alert", "fraud": True},
            {"outcome": "alert"},
            {"outcome": "dead_letter"},
        )
    )

    assert figures.outcomes == {"alert": 2, "classified": 0, "dead_letter": 1}
    assert (figures.arrived, figures.live, figures.detection.judged, figures.detection.frauds) == (3, 2, 2, 0)


def test_frauds_are_held_against_both_by_scenario() -> None:
    figures = Figures()
    stolen = {"fraud": True, "scenario": "stolen_card"}

    figures.add(
        matched(
            stolen | {"outcome": "alert", "amount": 90.0},
            stolen | {"tutorial": True},
            {"outcome": "alert"},
            {},
        )
    )

    ours, theirs = figures.scenarios["stolen_card"]
    assert (ours.caught, ours.frauds, theirs.caught) == (1, 2, 1)
    assert figures.detection == Detection(judged=4, alerts=2, frauds=2, caught=1, money=100.0, stopped=90.0)
    assert figures.detection.precision == 0.5
    assert figures.detection.money_stopped == 0.9
    assert figures.tutorial.precision == 1.0


def test_where_nobody_knows_nothing_is_judged() -> None:
    figures = Figures()

    figures.add(matched({"fraud": None, "outcome": "alert"}))

    assert figures.live == 1
    assert figures.detection == Detection()
    assert figures.detection.precision is None


def test_scores_are_kept_by_truth() -> None:
    figures = Figures()

    figures.add(matched({"score": 0.0}, {"score": 1.0, "fraud": True}, {"score": None}))

    assert figures.legitimate.tolist() == [1] + [0] * 19
    assert figures.fraud.tolist() == [0] * 19 + [1]


@given(values=st.lists(st.floats(0.5, 500_000), min_size=1), share=st.floats(0.01, 1.0))
def test_a_quantile_is_exact_to_two_per_cent(values: list[float], share: float) -> None:
    latency = Latency()
    latency.add(pl.Series(values, dtype=pl.Float64))

    exact = float(np.quantile(values, share, method="inverted_cdf"))

    assert latency.quantile(share) == pytest.approx(exact, rel=0.02, abs=0.1)


def test_nothing_has_no_quantile() -> None:
    assert Latency().quantile(0.5) is None
