"""What world the flags ask for, from when to when."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import polars as pl
import pytest

from fraud_core.errors import ConfigError
from fraud_producer.options import Options, check
from fraud_producer.run import Plan
from fraud_producer.sources import plan

DAY = timedelta(days=1)
START = datetime(2026, 1, 5)


def planned(options: Options) -> Plan:
    check(options)
    return plan(options)


def transactions(options: Options, hours: int) -> pl.DataFrame:
    return pl.concat([piece.transactions for piece in islice(planned(options).slices, hours)])


def midnight() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def test_by_default_it_begins_a_month_ago_at_midnight() -> None:
    first = next(iter(planned(Options()).slices))
    assert first.start in {midnight() - 30 * DAY, midnight() - 31 * DAY}


def test_history_goes_before_that() -> None:
    first = next(iter(planned(Options(history=60 * DAY)).slices))
    assert (midnight() - first.start) / DAY == pytest.approx(90, abs=1)


def test_days_end_now_and_do_not_count_the_history() -> None:
    slices = list(planned(Options(days=2, history=DAY, customers=10)).slices)
    assert slices[-1].end - slices[0].start == 3 * DAY
    assert slices[-1].end <= datetime.now(UTC).replace(tzinfo=None)


def test_the_same_seed_and_start_are_the_same_stream() -> None:
    one, other = (transactions(Options(seed=3, start=START), 5) for _ in range(2))
    assert one.equals(other)


def test_without_a_seed_each_run_is_another_world() -> None:
    one, other = (transactions(Options(start=START), 24) for _ in range(2))
    assert not set(one["user"]) & set(other["user"])


def test_so_many_customers_live_there_as_give_the_rate_at_the_clock() -> None:
    found = transactions(Options(seed=1, start=START, rate=2, clock=3_600), 7 * 24)
    assert found.height / (7 * 24) == pytest.approx(2, rel=0.4)
    assert found["user"].n_unique() < 100


def test_flat_out_begins_long_enough_ago_for_the_count() -> None:
    # 100 customers pay 250 times a day; a fifth is to spare.
    first = next(iter(planned(Options(flat_out=True, count=40_000, customers=100)).slices))
    assert (midnight() - first.start) / DAY == pytest.approx(1.2 * 160, abs=2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(customers=5), "--customers 5: Input should be greater than or equal to 10"),
        (Options(customers=5_000_000), "--customers 5000000: Input should be less than or equal to 1000000"),
        (Options(fraud_share=0.5), "--fraud-share 0.5: Input should be less than or equal to 0.2"),
        (Options(fraud_share=float("nan")), "--fraud-share nan: Input should be"),
        (Options(seed=-1), "--seed -1: Input should be greater than or equal to 0"),
        (Options(rate=float("inf")), "--rate can't be infinite; --flat-out"),
        (Options(clock=float("inf")), "--clock can't be infinite"),
        (Options(days=float("inf")), "--days is longer than 36,525 days"),
        (Options(days=1e12), "--days is longer than 36,525 days"),
        (Options(history=40_000 * DAY), "--history is longer than 36,525 days"),
        (Options(history=20_000 * DAY), "can't before the year 2000"),
        (Options(flat_out=True, count=10**15), "can't before the year 2000"),
        (Options(start=datetime(1999, 1, 1)), "can't before the year 2000"),
        (Options(start=datetime(2999, 1, 1)), "is in the future"),
        (Options(start=START, until=START), "is not after the start"),
    ],
)
def test_what_cannot_be_is_one_clear_message(options: Options, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        planned(options)
    assert says in str(refused.value)
    assert "pydantic" not in str(refused.value)


def test_a_rate_that_no_world_gives_is_met_by_the_largest_world() -> None:
    assert planned(Options(rate=1e308, clock=0.001)).title == "Simulating"
