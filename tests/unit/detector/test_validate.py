"""What no transaction can look like."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from fraud_core.avro.types import to_arrow
from fraud_detector.validate import faults

KAFKA_TIME = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
GOOD: dict[str, Any] = {
    "transaction_id": "t1",
    "user": "john",
    "amount": 10.0,
    "timestamp": datetime(2026, 1, 1),
}


def fault_of(kafka_time: int = KAFKA_TIME, **changes: Any) -> str | None:
    frame = pl.DataFrame([GOOD | changes]).with_columns(pl.col("timestamp").cast(pl.Datetime("ms")))
    found = faults(to_arrow(frame, "Transaction"), [kafka_time])
    return str(found[0]) if found else None


def test_a_good_transaction_has_no_fault() -> None:
    assert fault_of() is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"transaction_id": ""}, "The transaction_id is empty."),
        ({"user": ""}, "The user is empty."),
        ({"amount": float("nan")}, "The amount is not a number: nan."),
        ({"amount": float("inf")}, "The amount is not a number: inf."),
        ({"amount": -0.01}, "The amount is negative: -0.01."),
        ({"amount": 2e12}, "The amount is above 1e+12: 2000000000000.0."),
        ({"timestamp": datetime(1999, 12, 31)}, "before the year 2000"),
        ({"timestamp": datetime(9999, 1, 1)}, "more than a day ahead of the record's Kafka timestamp"),
    ],
)
def test_what_cannot_be_is_said(changes: dict[str, Any], says: str) -> None:
    assert says in (fault_of(**changes) or "")


def test_an_event_less_than_a_day_ahead_of_its_record_may_be_a_clock_that_is_off() -> None:
    assert fault_of(timestamp=datetime(2026, 1, 1, 23)) is None


def test_without_a_kafka_timestamp_the_future_is_not_judged() -> None:
    assert fault_of(kafka_time=0, timestamp=datetime(2027, 1, 1)) is None


def test_a_replay_years_later_comes_to_the_same_answer() -> None:
    old = int(datetime(2018, 4, 1, tzinfo=UTC).timestamp() * 1000)

    assert fault_of(kafka_time=old, timestamp=datetime(2018, 4, 1)) is None
    assert fault_of(kafka_time=old, timestamp=datetime(2018, 4, 3)) is not None
