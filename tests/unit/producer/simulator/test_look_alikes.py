"""Honest customers do suspicious things all the time, or fraud would be found by one look."""

from datetime import timedelta

import polars as pl
import pytest

from tests.support.simulating import DAY, START, Simulated, mean, simulated

# Countries whose currency tells where the customer lives.
COUNTRY_OF = {"GBP": "GB", "CHF": "CH", "CAD": "CA", "AUD": "AU", "SGD": "SG"}


def honest() -> Simulated:
    return simulated(60, seed=7, customers=2_000, fraud_share=0.0)


def at_home_or_not() -> pl.DataFrame:
    rows = honest().rows.filter(pl.col("currency").is_in(list(COUNTRY_OF)) & pl.col("location").is_not_null())
    home = pl.col("currency").replace_strict(COUNTRY_OF, return_dtype=pl.String)
    return rows.with_columns(abroad=pl.col("location") != home, day=pl.col("timestamp").dt.date())


def customers_with(rows: pl.DataFrame, condition: pl.Expr) -> float:
    """Share of the customers in these rows of whom this is true."""
    return mean(rows.group_by("user").agg(condition.alias("is_so"))["is_so"])


def test_some_go_on_holiday_abroad_for_days() -> None:
    days_in_shops_abroad = (
        pl.col("day").filter(pl.col("abroad") & pl.col("session_started_at").is_null()).n_unique()
    )
    assert 0.03 < customers_with(at_home_or_not(), days_in_shops_abroad >= 4) < 0.4


def test_some_pay_abroad_and_at_home_within_hours() -> None:
    """Second cards, VPNs, jobs across the border: a change of country alone means little."""
    rows = at_home_or_not().sort("user", "timestamp")
    soon = (pl.col("timestamp").diff() < timedelta(hours=2)) & (pl.col("user") == pl.col("user").shift())
    changes = rows.select((pl.col("abroad") != pl.col("abroad").shift()) & soon).to_series()
    assert 0.002 < mean(changes) < 0.05


def test_some_get_a_new_phone() -> None:
    """The device that was used most in the first weeks gives way to another one for good."""
    half = START + 30 * DAY
    phones = honest().rows.filter(pl.col("device") == "mobile").drop_nulls("device_id")
    early = pl.col("device_id").filter(pl.col("timestamp") < half).mode().first()
    late = pl.col("device_id").filter(pl.col("timestamp") >= half).mode().first()
    assert 0.03 < customers_with(phones, (early != late).fill_null(value=False)) < 0.3


def test_some_devices_are_shared_by_customers() -> None:
    owners = (
        honest().rows.drop_nulls("device_id").group_by("device_id").agg(pl.col("user").n_unique())["user"]
    )
    assert (owners > 1).sum() > 20


def test_some_addresses_are_shared_by_many_customers() -> None:
    users = honest().rows.drop_nulls("ip").group_by("ip").agg(pl.col("user").n_unique())["user"]
    assert (users >= 10).sum() > 20


def test_some_buy_something_far_larger_than_ever_before() -> None:
    one_off = honest().rows.select(pl.col("amount") > 10 * pl.col("amount").median().over("user")).to_series()
    assert 0.003 < mean(one_off) < 0.04
    assert mean(honest().rows["amount"] > 400) > 0.003


def test_some_shop_very_fast() -> None:
    ordered = honest().rows.sort("user", "timestamp")
    within_hour = ordered.rolling("timestamp", period="1h", group_by="user").agg(pl.len())
    assert 0.001 < mean(within_hour["len"] >= 5) < 0.02


def test_some_pay_at_night() -> None:
    british = honest().rows.filter(pl.col("currency") == "GBP")
    assert 0.015 < mean(british["timestamp"].dt.hour() < 5) < 0.1


@pytest.mark.parametrize("txn_type", ["transfer", "withdrawal", "deposit"])
def test_honest_customers_also_move_money_and_draw_cash(txn_type: str) -> None:
    assert mean(honest().rows["txn_type"] == txn_type) > 0.01
