"""What ordinary life looks like: merchants, amounts, rhythms, and who is there at all."""

import numpy as np
import polars as pl
import pytest

from fraud_producer.simulator.categories import CATEGORIES
from fraud_producer.simulator.merchants import draw_merchants, shops_of
from fraud_producer.simulator.places import places_of
from tests.support.simulating import DAY, START, Simulated, mean, simulated


def honest() -> Simulated:
    return simulated(60, seed=7, customers=2_000, fraud_share=0.0)


def purchases() -> pl.DataFrame:
    return honest().rows.filter(pl.col("txn_type") == "purchase")


def test_the_shops_of_a_city_are_visited_by_zipfs_law() -> None:
    rng = np.random.default_rng(1)
    merchants = draw_merchants(rng, places_of(("SG",)), 1_000, key=1)
    visits = np.sort(np.bincount(shops_of(merchants, np.zeros(200_000, dtype=np.int64), rng)))[::-1]
    head = visits[:100]
    slope, _ = np.polyfit(np.log(np.arange(1, 101)), np.log(head), 1)
    assert slope == pytest.approx(-0.9, abs=0.1)


def test_few_merchants_see_most_customers() -> None:
    visits = purchases()["merchant"].value_counts(sort=True)["count"].to_numpy()
    tenth = len(visits) // 10
    assert visits[:tenth].sum() / visits.sum() > 0.35
    assert visits[0] > 30 * np.median(visits)


@pytest.mark.parametrize(
    "category", [c for c in CATEGORIES if c.in_shops + c.online > 4], ids=lambda c: c.name
)
def test_amounts_are_lognormal_around_the_categorys_own_median(category: object) -> None:
    assert isinstance(category, type(CATEGORIES[0]))
    amounts = purchases().filter(pl.col("merchant_category") == category.name)["amount"].to_numpy()
    logarithms = np.log(amounts)
    assert np.median(amounts) == pytest.approx(category.median, rel=0.2)
    # People and shops differ too, so that the spread is a little more than the category's.
    assert category.spread < logarithms.std() < category.spread + 0.25
    skewness = ((logarithms - logarithms.mean()) ** 3).mean() / logarithms.std() ** 3
    assert abs(skewness) < 0.3


def a_day(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by(pl.col("timestamp").dt.date().alias("day")).len()


def test_days_follow_the_customers_clock() -> None:
    british = honest().rows.filter((pl.col("currency") == "GBP") & (pl.col("location") == "GB"))
    by_hour = british["timestamp"].dt.hour().value_counts().sort("timestamp")["count"].to_numpy()
    assert by_hour[1:5].max() < by_hour[9:20].min() / 3
    # Nine hours ahead of London: when Britain sleeps, Australia shops.
    australian = honest().rows.filter((pl.col("currency") == "AUD") & (pl.col("location") == "AU"))
    assert mean(australian["timestamp"].dt.hour() < 6) > 3 * mean(british["timestamp"].dt.hour() < 6)


def test_weeks_have_a_busy_end_and_a_quiet_sunday() -> None:
    weekday = a_day(honest().rows).with_columns(pl.col("day").dt.weekday())
    average = {number: mean(weekday.filter(pl.col("day") == number)["len"]) for number in range(1, 8)}
    assert max(average, key=lambda number: average[number]) == 6
    assert average[7] < average[5]
    assert average[6] > 1.15 * average[1]


def test_months_have_a_pay_day() -> None:
    days = a_day(honest().rows)
    after_pay = (pl.col("day").dt.day() >= 25) | (pl.col("day").dt.day() <= 2)
    assert mean(days.filter(after_pay)["len"]) > 1.15 * mean(days.filter(~after_pay)["len"])


def test_customers_come_and_go() -> None:
    rows = simulated(60, seed=7, customers=1_000, turnover=0.005).rows
    seen = rows.group_by("user").agg(
        pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last"), pl.len()
    )
    regular = seen.filter(pl.col("len") > 20)
    gone = regular.filter(pl.col("last") < START + 40 * DAY)
    new = regular.filter(pl.col("first") > START + 20 * DAY)
    expected = 0.005 * 40 * 1_000
    assert gone.height == pytest.approx(expected, rel=0.6)
    assert new.height == pytest.approx(expected, rel=0.6)


def test_without_turnover_nobody_new_comes() -> None:
    fixed = simulated(60, seed=7, customers=300, turnover=0.0)
    assert fixed.rows["user"].n_unique() <= 300


def test_customers_differ_widely_in_how_often_they_pay() -> None:
    payments = honest().rows["user"].value_counts()["count"]
    low, high = (payments.quantile(share) or 0.0 for share in (0.1, 0.9))
    assert high > 4 * low


def test_customers_return_to_their_usual_merchants() -> None:
    shops = purchases().drop_nulls("merchant").filter(pl.len().over("user") > 50)
    top = shops.group_by("user", "merchant").len().sort("len", descending=True)
    share = top.group_by("user").agg(pl.col("len").head(5).sum() / pl.col("len").sum())["len"]
    assert mean(share) > 0.35
