"""What no transaction can look like."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from fraud_core.avro.types import to_arrow
from fraud_detector.validate import faults, impossible_logins, readable

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


@pytest.mark.parametrize("kafka_time", [0, 2**62])
def test_nothing_happens_after_the_year_9999_whatever_the_record_says(kafka_time: int) -> None:
    good = to_arrow(pl.DataFrame([GOOD]).cast({"timestamp": pl.Datetime("ms")}), "Transaction")
    place = good.schema.get_field_index("timestamp")
    for time, says in ((253_402_300_800_000, True), (2**62, True), (253_402_300_799_999, False)):
        column = pa.array([time], pa.int64()).cast(good.schema.field(place).type)
        found = faults(good.set_column(place, good.schema.field(place), column), [kafka_time])
        assert ["after the year 9999" in str(fault) for fault in found.values()] == [True] * says


def test_logins_are_held_to_the_same_times() -> None:
    times = [datetime(2026, 1, 1), datetime(2026, 1, 3), datetime(2100, 1, 1), datetime(1999, 1, 1)]
    frame = pl.DataFrame({"user": "john", "timestamp": times, "success": True})
    logins = to_arrow(frame.cast({"timestamp": pl.Datetime("ms")}), "Login")

    assert impossible_logins(logins, [KAFKA_TIME] * 4).tolist() == [False, True, True, True]
    assert impossible_logins(logins, [0, 0, 0, 0]).tolist() == [False, False, False, True]


def test_a_session_that_python_could_not_read_back_is_unknown_and_its_transaction_is_kept() -> None:
    frame = pl.DataFrame([GOOD] * 5).cast({"timestamp": pl.Datetime("ms")})
    batch = to_arrow(frame, "Transaction")
    place = batch.schema.get_field_index("session_started_at")
    field = batch.schema.field(place)
    began = [KAFKA_TIME, 2**62, None, -(2**62), -62_135_596_800_000]
    column = pa.array(began, pa.int64()).cast(field.type)

    known = readable(batch.set_column(place, field, column))

    assert known["session_started_at"].cast(pa.int64()).to_pylist() == [began[0], None, None, None, began[4]]
    assert known.schema == batch.schema
    assert readable(batch) is batch


def test_without_a_kafka_timestamp_the_future_is_not_judged() -> None:
    assert fault_of(kafka_time=0, timestamp=datetime(2027, 1, 1)) is None


def test_a_replay_years_later_comes_to_the_same_answer() -> None:
    old = int(datetime(2018, 4, 1, tzinfo=UTC).timestamp() * 1000)

    assert fault_of(kafka_time=old, timestamp=datetime(2018, 4, 1)) is None
    assert fault_of(kafka_time=old, timestamp=datetime(2018, 4, 3)) is not None
