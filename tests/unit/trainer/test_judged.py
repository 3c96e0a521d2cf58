"""Precision of each version, from reviewed decisions and mature labels."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from fraud_core.avro.types import arrow_type
from fraud_trainer.judged import DECISIONS, LABELS, Newest, Precision, counting, precision, scores

NOW = datetime(2026, 11, 24)
DAY = timedelta(days=1)
THRESHOLDS = {"old": 0.9, "new": 0.8}


def decisions(*rows: tuple[str, int, str, float, float]) -> pl.DataFrame:
    """Rows of id, age in days, version, score, weight; and one of today, from which age is counted."""
    made = [(name, NOW - age * DAY, version, score, weight) for name, age, version, score, weight in rows]
    return pl.DataFrame([*made, ("today", NOW, "old", 0.0, 1.0)], schema=DECISIONS, orient="row")


def labels(*rows: tuple[str, bool, int]) -> pl.DataFrame:
    """Rows of id, fraud, and the age of the label in days."""
    made = [(name, fraud, NOW - age * DAY) for name, fraud, age in rows]
    return pl.DataFrame(made, schema=LABELS, orient="row")


def judged(*rows: tuple[str, int, str, float, float], known: pl.DataFrame) -> dict[str, Precision]:
    return precision(decisions(*rows), known, THRESHOLDS, 30 * DAY)


def test_alerts_of_each_version_are_held_against_labels() -> None:
    found = judged(
        ("t1", 40, "old", 0.95, 1.0),
        ("t1", 40, "new", 0.85, 1.0),
        ("t2", 40, "old", 0.5, 1.0),
        ("t2", 40, "new", 0.85, 1.0),
        known=labels(("t1", True, 20), ("t2", False, 20)),
    )

    assert (found["old"].labelled, found["old"].frauds, found["old"].value) == (1, 1, 1.0)
    assert (found["new"].labelled, found["new"].frauds, found["new"].value) == (2, 1, 0.5)


def test_a_drawn_decision_stands_for_those_that_were_not_drawn() -> None:
    found = judged(
        ("t1", 40, "new", 0.95, 1.0),
        ("t2", 40, "new", 0.85, 10.0),
        known=labels(("t1", True, 20), ("t2", False, 20)),
    )

    assert found["new"].value == pytest.approx(1 / 11)


def test_what_is_young_or_has_no_label_says_nothing() -> None:
    found = judged(
        ("young", 29, "old", 0.95, 1.0),
        ("unknown", 40, "old", 0.95, 1.0),
        known=labels(("young", True, 1)),
    )

    assert found["old"] == Precision(alerts=1, labelled=0, frauds=0)


def test_the_latest_label_counts() -> None:
    found = judged(("t1", 40, "old", 0.95, 1.0), known=labels(("t1", True, 30), ("t1", False, 10)))

    assert found["old"].value == 0.0


def test_few_labels_give_a_wide_interval_and_many_a_narrow_one() -> None:
    def width(count: int) -> float:
        rows = [(f"t{number}", 40, "old", 0.95, 1.0) for number in range(count)]
        found = judged(*rows, known=labels(*((f"t{number}", number % 2 == 0, 9) for number in range(count))))
        assert found["old"].high is not None
        assert found["old"].low is not None
        assert found["old"].low <= 0.5 <= found["old"].high
        return found["old"].high - found["old"].low

    assert width(4) > 0.5 > width(400) > 0.05


def test_without_decisions_there_is_nothing_to_say() -> None:
    empty = pl.DataFrame(schema=DECISIONS)

    assert precision(empty, labels(), THRESHOLDS, DAY)["old"] == Precision(0, 0, 0)


def test_a_decision_says_what_each_version_scored_if_somebody_reviews_it() -> None:
    kind = arrow_type("Decision")
    made: dict[str, Any] = {
        "user": "u", "amount": 1.0, "timestamp": NOW, "reason": [], "rules": [], "model_version": "old",
        "score": 0.95, "challenger_scores": [("new", 0.4)], "top_factors": [],
    }  # fmt: skip
    rows = [
        made | {"transaction_id": "alert", "fraudulent": True, "review_sample": False},
        made
        | {
            "transaction_id": "drawn",
            "fraudulent": False,
            "review_sample": True,
            "selection_probability": 0.1,
        },
        made | {"transaction_id": "nobody's", "fraudulent": False, "review_sample": False},
    ]

    found = scores(pl.DataFrame(pa.RecordBatch.from_pylist(rows, schema=kind))).sort(
        "transaction_id", "version"
    )

    assert found.drop("timestamp").rows() == [
        ("alert", "new", 0.4, 1.0),
        ("alert", "old", 0.95, 1.0),
        ("drawn", "new", 0.4, 10.0),
        ("drawn", "old", 0.95, 10.0),
    ]


def test_what_was_decided_before_is_left_out_and_what_does_not_say_when() -> None:
    kind = arrow_type("Decision")
    made: dict[str, Any] = {
        "user": "u", "amount": 1.0, "timestamp": NOW - DAY, "reason": [], "rules": [], "fraudulent": True,
        "model_version": "old", "score": 0.95, "challenger_scores": [("new", 0.4)], "top_factors": [],
        "review_sample": False,
    }  # fmt: skip
    moments = {"before": NOW - timedelta(milliseconds=1), "then": NOW, "unknown": None}
    rows = [made | {"transaction_id": name, "decided_at": at} for name, at in moments.items()]
    batch = pl.DataFrame(pa.RecordBatch.from_pylist(rows, schema=kind))

    assert set(scores(batch, NOW)["transaction_id"]) == {"then"}
    assert set(scores(batch)["transaction_id"]) == set(moments)


def test_age_is_counted_from_the_newest_decision_also_where_it_is_not_among_those_read() -> None:
    read = decisions(("t1", 40, "old", 0.95, 1.0)).head(1)
    known = labels(("t1", True, 20))

    assert precision(read, known, THRESHOLDS, 30 * DAY)["old"].labelled == 0
    assert precision(read, known, THRESHOLDS, 30 * DAY, newest=NOW)["old"].labelled == 1


LONG_AGO, STEP = (NOW - 90 * DAY).replace(tzinfo=UTC), NOW - 31 * DAY


def test_of_a_step_of_31_days_that_waits_for_30_only_three_are_read() -> None:
    begin, end = counting(LONG_AGO, STEP, Newest(NOW, NOW), 30 * DAY)

    assert end
    assert begin == (STEP - DAY).replace(tzinfo=UTC)
    assert end - begin == 3 * DAY


def test_nothing_is_read_from_before_what_is_asked_for() -> None:
    assert counting(LONG_AGO, NOW - 200 * DAY, Newest(NOW, NOW), DAY)[0] == LONG_AGO


@pytest.mark.parametrize("newest", [None, Newest(NOW - 40 * DAY, NOW)])
def test_where_arrival_says_nothing_of_age_all_is_read_to_the_end(newest: Newest | None) -> None:
    assert counting(LONG_AGO, STEP, newest, 30 * DAY) == ((STEP - DAY).replace(tzinfo=UTC), None)
