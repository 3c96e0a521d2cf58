"""Each kind of fraud looks like what it claims to be: the bold incidents here, the quiet ones at the end."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from fraud_producer.simulator.places import great_circle_km
from tests.support.simulating import SCENARIOS, Simulated, mean, median, only, simulated

PAUSE = timedelta(hours=12)
SHOPS = pl.col("session_started_at").is_null() & pl.col("ip").is_null() & pl.col("latitude").is_not_null()
HOME = pl.col("location").mode().first().over("user")


def bold(scenario: str) -> Simulated:
    return simulated(30, seed=4, customers=2_000, fraud_share=0.01, fraud_mix=only(scenario), quiet_share=0.0)


def quiet(scenario: str) -> Simulated:
    return simulated(30, seed=4, customers=2_000, fraud_share=0.01, fraud_mix=only(scenario), quiet_share=1.0)


def with_incidents(rows: pl.DataFrame) -> pl.DataFrame:
    """The frauds, numbered by incident: one victim's, without a pause of half a day."""
    frauds = rows.filter("fraud").sort("user", "timestamp")
    begins = (pl.col("timestamp").diff() > PAUSE) | (pl.col("user") != pl.col("user").shift())
    return frauds.with_columns(incident=begins.fill_null(value=True).cum_sum())


def incidents(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        with_incidents(rows)
        .group_by("incident", maintain_order=True)
        .agg(
            pl.len().alias("payments"),
            pl.col("amount").sum().alias("sum"),
            pl.col("amount").last().alias("last_amount"),
            (pl.col("timestamp").max() - pl.col("timestamp").min()).alias("duration"),
        )
    )


def first_use(column: str) -> pl.Expr:
    """Whether this user never had this before; null where it is unknown."""
    return pl.when(pl.col(column).is_not_null()).then(pl.int_range(pl.len()).over("user", column) == 0)


def at_the_start(rows: pl.DataFrame, column: str) -> float:
    """Share of incidents that begin with something that the victim never used before."""
    ordered = rows.sort("timestamp").with_columns(new=first_use(column))
    return mean(
        with_incidents(ordered)
        .group_by("incident")
        .agg(pl.col("new").drop_nulls().first())["new"]
        .drop_nulls()
    )


def km_from_home(rows: pl.DataFrame) -> pl.Series:
    """How far from the middle of the victim's honest shopping each fraud in a shop is."""
    honest = rows.filter(~pl.col("fraud") & SHOPS)
    middle = honest.group_by("user").agg(
        pl.col("latitude").median().alias("home_lat"), pl.col("longitude").median().alias("home_lon")
    )
    stolen = rows.filter(pl.col("fraud") & SHOPS).join(middle, on="user")
    points = (stolen[name].to_numpy() for name in ("latitude", "longitude", "home_lat", "home_lon"))
    return pl.Series(great_circle_km(*points))


def test_card_testing_is_a_burst_of_small_amounts_online() -> None:
    rows = bold("card_testing").rows
    found = incidents(rows)
    assert median(found["payments"]) >= 5
    assert mean(found["duration"] < timedelta(hours=3)) > 0.95
    assert mean(found["duration"] < timedelta(minutes=30)) > 0.5
    assert median(rows.filter("fraud")["amount"]) < 4
    assert rows.filter("fraud").filter(SHOPS).is_empty()


def test_a_card_that_works_is_often_used_for_a_real_payment_in_the_end() -> None:
    found = incidents(bold("card_testing").rows)
    assert 0.25 < mean(found["last_amount"] > 50) < 0.65


def test_a_stolen_card_is_used_for_large_payments() -> None:
    rows = bold("stolen_card").rows.with_columns(usual=pl.col("amount").median().over("user"))
    stolen = rows.filter("fraud")
    assert median(stolen["amount"] / stolen["usual"]) > 4
    found = incidents(rows)
    assert median(found["sum"]) > 500
    assert median(found["payments"]) >= 4


def test_a_stolen_card_is_often_used_far_from_home() -> None:
    far = mean(km_from_home(bold("stolen_card").rows) > 250)
    assert 0.5 < far < 0.85, "many, but some thieves stay in town"


def test_a_stolen_card_is_used_in_shops_and_at_cash_machines() -> None:
    stolen = bold("stolen_card").frauds
    assert stolen["session_started_at"].is_null().all()
    assert set(stolen["txn_type"]) == {"purchase", "withdrawal"}


def test_a_takeover_comes_from_a_device_that_the_victim_never_used() -> None:
    assert at_the_start(bold("account_takeover").rows, "device_id") > 0.95


def test_a_takeover_comes_from_a_new_address_unless_it_is_one_that_a_carrier_gives_to_many() -> None:
    assert at_the_start(bold("account_takeover").rows, "ip") > 0.8


def test_takeovers_favour_hours_at_which_the_victim_sleeps() -> None:
    # Customers who pay in pounds or euros live within an hour of UTC.
    rows = bold("account_takeover").rows.filter(pl.col("currency").is_in(["GBP", "EUR"]))
    night = rows.with_columns(night=pl.col("timestamp").dt.hour() < 5)
    honest, taken_over = (night.filter(pl.col("fraud") == fraud)["night"] for fraud in (False, True))
    assert mean(taken_over) > 0.35 > 3 * mean(honest)


def test_takeovers_send_money_away_or_buy_what_is_easily_sold() -> None:
    taken_over = bold("account_takeover").frauds
    assert 0.4 < mean(taken_over["txn_type"] == "transfer") < 0.8
    assert median(taken_over["amount"]) > 300


def test_customers_of_one_merchant_fall_victim_together() -> None:
    # So little fraud that waves hardly overlap: a wave is the victims of four days.
    rows = simulated(
        90,
        seed=6,
        customers=1_000,
        fraud_share=0.001,
        fraud_mix=only("compromised_merchant"),
        quiet_share=0.0,
    ).rows
    coverage = [_best_merchant(rows, wave) for wave in _waves(rows)]
    assert len(coverage) >= 3
    assert np.mean([hit for hit, _ in coverage]) > 0.8
    assert all(hit > control for hit, control in coverage)


def _waves(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Victims with the time of their first fraud, wave by wave."""
    firsts = rows.filter("fraud").group_by("user").agg(pl.col("timestamp").min().alias("at")).sort("at")
    waves = []
    while firsts.height:
        within = pl.col("at") < firsts["at"][0] + timedelta(days=4)
        waves.append(firsts.filter(within))
        firsts = firsts.filter(~within)
    return [wave for wave in waves if wave.height >= 4]


def _best_merchant(rows: pl.DataFrame, wave: pl.DataFrame) -> tuple[float, float]:
    """Share of the victims, and of all customers, that were at the merchant where most victims had been."""
    end = wave["at"][0]
    before = (
        rows.filter(
            ~pl.col("fraud")
            & pl.col("timestamp").is_between(end - timedelta(days=12), end + timedelta(days=1))
        )
        .select("user", "merchant")
        .unique()
        .drop_nulls()
    )
    visits = before.filter(pl.col("user").is_in(wave["user"].implode()))["merchant"].value_counts(sort=True)
    everybody = before["user"].n_unique()
    there = before.filter(pl.col("merchant") == visits["merchant"][0]).height
    return visits["count"][0] / wave.height, there / everybody


def test_skimmed_cards_are_used_online_several_on_one_device() -> None:
    frauds = bold("compromised_merchant").frauds
    assert frauds.filter(SHOPS).is_empty()
    victims = frauds.drop_nulls("device_id").group_by("device_id").agg(pl.col("user").n_unique())["user"]
    assert mean(victims >= 2) > 0.5


def test_impossible_travel_is_a_payment_too_far_from_the_one_before() -> None:
    in_shops = bold("impossible_travel").rows.filter(SHOPS).sort("user", "timestamp")
    same = pl.col("user") == pl.col("user").shift()
    copied = in_shops.with_columns(
        before_lat=pl.col("latitude").shift(),
        before_lon=pl.col("longitude").shift(),
        hours=pl.col("timestamp").diff().dt.total_seconds() / 3600,
        honest_before=~pl.col("fraud").shift() & same,
    ).filter(pl.col("fraud") & pl.col("honest_before"))
    points = (copied[name].to_numpy() for name in ("latitude", "longitude", "before_lat", "before_lon"))
    km = pl.Series(great_circle_km(*points))
    # Now and then a payment without a position stands between, or the customer is abroad as well.
    assert mean(copied["hours"] < 5) > 0.9
    assert mean((km > 900) & (km / copied["hours"] > 300)) > 0.8


def test_a_collusion_ring_moves_money_among_few_customers_and_few_merchants() -> None:
    found = simulated(
        30, seed=6, customers=1_500, fraud_share=0.002, fraud_mix=only("collusion_ring"), turnover=0.0
    )
    ring, honest = found.frauds, found.honest
    assert ring["user"].n_unique() < ring.height / 2.5
    shops = ring.filter(pl.col("txn_type") == "purchase")["merchant"].n_unique()
    as_many = (
        honest.filter(pl.col("txn_type") == "purchase").sample(ring.height, seed=1)["merchant"].n_unique()
    )
    assert shops < as_many / 4
    assert mean(ring["txn_type"] == "transfer") > 0.1


def test_a_collusion_ring_uses_its_members_own_devices() -> None:
    rows = bold("collusion_ring").rows.sort("timestamp").with_columns(new=first_use("device_id"))
    later = rows.filter(pl.col("timestamp") > rows["timestamp"][0] + timedelta(days=15))
    assert mean(later.filter("fraud")["new"].drop_nulls()) < 0.1


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"collusion_ring"}))
def test_quiet_frauds_are_small(scenario: str) -> None:
    loud, small = bold(scenario).frauds, quiet(scenario).frauds
    assert median(small["amount"]) < 75
    if scenario != "card_testing":
        assert median(small["amount"]) < median(loud["amount"]) / 1.5
    payments = [mean(incidents(found.rows)["payments"]) for found in (quiet(scenario), bold(scenario))]
    assert payments[0] < payments[1]


def test_quiet_thieves_of_cards_stay_in_town() -> None:
    assert mean(km_from_home(quiet("stolen_card").rows) < 450) > 0.9


def test_quiet_copies_of_cards_are_used_in_the_nearest_cities() -> None:
    assert mean(km_from_home(quiet("impossible_travel").rows) < 1_600) > 0.85
    assert mean(km_from_home(bold("impossible_travel").rows) < 1_000) < 0.1


def test_some_fraud_of_an_ordinary_stream_is_small_and_at_home() -> None:
    rows = simulated(40, seed=1, customers=2_000, fraud_share=0.01).rows
    frauds = rows.with_columns(home=HOME, typical=pl.col("amount").quantile(0.8).over("user")).filter("fraud")
    hidden = (frauds["location"] == frauds["home"]) & (frauds["amount"] < frauds["typical"])
    large = frauds.filter(pl.col("scenario") != "card_testing")
    assert mean(hidden) > 0.1
    assert 0.02 < mean((large["location"] == large["home"]) & (large["amount"] < large["typical"])) < 0.4
