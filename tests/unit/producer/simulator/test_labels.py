"""What becomes known of the truth: late, not all of it, and not always right."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.support.simulating import DAY, START, mean, simulated

MINUTE = timedelta(minutes=1)


def labelled(days: int = 170, **settings: Any) -> pl.DataFrame:
    """A month of transactions with the labels that they get within months, null where there is none."""
    found = simulated(days, **{"seed": 5, "customers": 500, "fraud_share": 0.05} | settings)
    month = found.rows.filter(pl.col("timestamp") < START + 30 * DAY)
    labels = found.labels.select("transaction_id", "label", "labelled_at")
    joined = month.join(labels, on="transaction_id", how="left", validate="1:1")
    return joined.with_columns(delay=pl.col("labelled_at") - pl.col("timestamp"))


def mean_delay(rows: pl.DataFrame) -> timedelta:
    return timedelta(milliseconds=mean(rows["delay"].drop_nulls().dt.total_milliseconds()))


def wrong(rows: pl.DataFrame) -> float:
    known = rows.drop_nulls("label")
    return mean((known["label"] == "fraud") != known["fraud"])


@pytest.mark.parametrize("delay", [MINUTE, timedelta(hours=2), DAY, 7 * DAY, 30 * DAY])
def test_the_mean_time_from_a_fraud_to_its_label_is_the_delay_asked_for(delay: timedelta) -> None:
    found = mean_delay(labelled(label_delay=delay).filter("fraud"))
    assert found / delay == pytest.approx(1, abs=0.12)


def test_some_frauds_are_known_within_the_day_and_most_only_after_days() -> None:
    delays = labelled().filter("fraud")["delay"].drop_nulls()
    assert 0.1 < mean(delays < DAY) < 0.35
    assert mean(delays > 3 * DAY) > 0.5
    assert mean(delays > 14 * DAY) > 0.03


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_share_of_frauds_is_never_reported(share: float) -> None:
    frauds = labelled(unreported_share=share).filter("fraud")
    assert mean(frauds["label"].is_null()) == pytest.approx(share, abs=0.03)


def test_a_tenth_of_frauds_is_never_reported_unless_told_otherwise() -> None:
    assert mean(labelled().filter("fraud")["label"].is_null()) == pytest.approx(0.1, abs=0.03)


def test_one_in_a_hundred_labels_is_wrong() -> None:
    assert wrong(labelled(customers=2_000, days=60)) == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize("reviewed", [0.0, 0.001, 0.05])
def test_the_share_of_wrong_labels_does_not_hang_on_how_much_is_reviewed(reviewed: float) -> None:
    found = labelled(wrong_label_share=0.1, reviewed_share=reviewed)
    assert wrong(found) == pytest.approx(0.1, abs=0.025)


def test_a_wrong_label_calls_an_honest_payment_a_fraud_and_never_the_reverse() -> None:
    known = labelled(wrong_label_share=0.2, reviewed_share=0.05).drop_nulls("label")
    assert set(known.filter("fraud")["label"]) == {"fraud"}
    assert set(known.filter(~pl.col("fraud"))["label"]) == {"fraud", "legitimate"}


def test_some_honest_payments_are_looked_at_and_found_legitimate() -> None:
    honest = labelled(reviewed_share=0.02).filter(~pl.col("fraud"))
    assert mean(honest["label"] == "legitimate") + mean(honest["label"].is_null()) > 0.99
    assert mean(honest["label"].is_not_null()) == pytest.approx(0.02, abs=0.004)


@pytest.mark.parametrize("delay", [MINUTE, 7 * DAY])
def test_nothing_is_labelled_before_it_happened_or_after_chargebacks_are_barred(delay: timedelta) -> None:
    delays = labelled(label_delay=delay)["delay"].drop_nulls()
    assert (delays > timedelta()).all()
    assert (delays <= 120 * DAY).all()


def test_a_label_repeats_what_it_is_about() -> None:
    found = simulated(60, seed=5, customers=500, fraud_share=0.05)
    about = found.labels.join(found.rows, on="transaction_id", how="left", validate="1:1")
    assert about["timestamp"].null_count() == 0
    for ours, theirs in (
        ("transaction_timestamp", "timestamp"),
        ("user", "user_right"),
        ("merchant", "merchant_right"),
        ("merchant_category", "merchant_category_right"),
    ):
        assert about[ours].equals(about[theirs].alias(ours))
    assert set(found.labels["source"]) == {"simulator"}


def test_a_label_comes_in_the_slice_in_which_it_becomes_known() -> None:
    early, late = (simulated(days, seed=5, customers=500, fraud_share=0.05) for days in (60, 170))
    end = START + 60 * DAY
    assert early.labels.equals(late.labels.filter(pl.col("labelled_at") < end))
    assert late.labels.filter((pl.col("labelled_at") >= end) & (pl.col("transaction_timestamp") < end)).height
