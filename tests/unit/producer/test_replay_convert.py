from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest

from fraud_core.errors import InputError
from fraud_producer.replay.convert import LABEL, REASON, TAKEN, moment, text, transactions

GOOD = {"user": "u", "amount": "1.5", "timestamp": "2024-01-01 00:00:00"}


def converted(row: dict[str, Any], label: str | None = None) -> dict[str, Any]:
    frame = pl.DataFrame({name: [value] for name, value in row.items()})
    mapping = {name: name for name in row if name != label}
    rows = frame.select(transactions(mapping, frame.schema, pl.lit("derived"), label))
    return rows.row(0, named=True)


def as_moment(value: object, dtype: pl.DataType | None = None) -> datetime | None:
    frame = pl.DataFrame({"t": pl.Series([value], dtype=dtype)})
    found = frame.select(moment("t", frame.schema["t"]))["t"]
    assert found.dtype == pl.Datetime("ms")
    values: list[datetime | None] = found.to_list()
    return values[0]


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-01T12:30:00Z",
        "2024-03-01T12:30:00",
        "2024-03-01 12:30:00",
        "2024-03-01 12:30",
        "2024-03-01 12:30:00 UTC",
        "2024-03-01T12:30:00.000",
        "2024-03-01T14:30:00+02:00",
        " 2024-03-01 07:30:00-0500 ",
        "1709296200",
        "1709296200.0",
        "1709296200000",
        1709296200,
        1709296200.0,
        1709296200000,
        1709296200000000,
        1709296200000000000,
        datetime(2024, 3, 1, 12, 30),
        datetime(2024, 3, 1, 12, 30, tzinfo=UTC),
        datetime(2024, 3, 1, 17, 30, tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_a_time_may_be_written_in_any_usual_way(value: object) -> None:
    assert as_moment(value) == datetime(2024, 3, 1, 12, 30)


def test_a_date_is_its_midnight() -> None:
    midnight = datetime(2024, 3, 1)
    assert as_moment(date(2024, 3, 1)) == midnight
    assert as_moment("2024-03-01") == midnight


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260101000144", datetime(2026, 1, 1, 0, 1, 44)),
        ("20260101", datetime(2026, 1, 1)),
        ("20261301000144", datetime(2612, 1, 21, 19, 10, 0, 144_000)),
    ],
)
def test_a_time_without_separators_is_one_where_it_can_be(text: str, expected: datetime) -> None:
    assert as_moment(text) == expected
    assert as_moment(int(text)) == expected
    assert as_moment(float(text)) == expected


def test_each_number_of_a_column_is_a_time_by_itself() -> None:
    frame = pl.DataFrame({"t": [20260101, 1709296200, None, 20260101000144]})
    assert frame.select(moment("t", frame.schema["t"]))["t"].to_list() == [
        datetime(2026, 1, 1),
        datetime(2024, 3, 1, 12, 30),
        None,
        datetime(2026, 1, 1, 0, 1, 44),
    ]


def test_fractions_of_a_second_are_kept_to_the_millisecond() -> None:
    expected = datetime(2024, 3, 1, 12, 30, 0, 250_000)
    assert as_moment("2024-03-01T12:30:00.250999Z") == expected
    assert as_moment(1709296200.25) == expected


@pytest.mark.parametrize("value", ["soon", "2024-13-01", "12:30", "", None])
def test_what_is_no_time_is_null(value: str | None) -> None:
    assert as_moment(value, pl.String()) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (596, "596"),
        (596.0, "596"),
        (59.5, "59.5"),
        (" x ", "x"),
        ("", None),
        ("  ", None),
        (float("nan"), None),
    ],
)
def test_ids_become_text_without_needless_decimals(value: object, expected: str | None) -> None:
    frame = pl.DataFrame({"c": [value]})
    assert frame.select(text("c", frame.schema["c"]))["c"].to_list() == [expected]


def test_a_column_of_lists_is_refused() -> None:
    with pytest.raises(InputError, match="The column tags holds values of type List"):
        text("tags", pl.List(pl.String))


def test_a_good_row_becomes_a_transaction_and_unmapped_fields_are_null() -> None:
    row = converted(GOOD)
    assert row.pop(REASON) is None
    assert {name: value for name, value in row.items() if value is not None} == {
        "transaction_id": "derived",
        "user": "u",
        "amount": 1.5,
        "timestamp": datetime(2024, 1, 1),
    }


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("user", "", "the user is missing"),
        ("transaction_id", None, "the transaction_id is missing"),
        ("amount", "", "the amount is missing"),
        ("amount", "12,5", "the amount '12,5' is not a number"),
        ("amount", "inf", "the amount 'inf' is not a number"),
        ("amount", "NaN", "the amount 'NaN' is not a number"),
        ("amount", float("nan"), "the amount is missing"),
        ("amount", "-0.01", "the amount -0.01 is negative"),
        ("amount", "2e12", "the amount 2e12 is above 1e12"),
        ("timestamp", None, "the timestamp is missing"),
        ("timestamp", "soon", f"the timestamp 'soon' is no time; write it as {TAKEN}"),
        (
            "timestamp",
            "31/01/2026 13:30",
            f"the timestamp '31/01/2026 13:30' is no time; write it as {TAKEN}",
        ),
        ("timestamp", 31, "the timestamp '31' is before the year 2000"),
        ("timestamp", "9999-01-01", "the timestamp '9999-01-01' is more than a day in the future"),
        ("timestamp", 9e300, f"the timestamp '9e+300' is no time; write it as {TAKEN}"),
        ("latitude", "north", "the latitude 'north' is no number of degrees within 90"),
        ("longitude", "181", "the longitude '181' is no number of degrees within 180"),
        ("session_started_at", "early", f"the session_started_at 'early' is no time; write it as {TAKEN}"),
    ],
)
def test_a_row_that_is_no_transaction_says_why(field: str, value: object, reason: str) -> None:
    assert converted({**GOOD, field: value})[REASON] == reason


def test_empty_optional_fields_are_unknown_and_no_fault() -> None:
    row = converted({**GOOD, "latitude": "", "location": " ", "session_started_at": ""})
    assert [row[name] for name in ("latitude", "location", "session_started_at", REASON)] == [None] * 4


@pytest.mark.parametrize(
    ("written", "expected"), [("Purchase", "purchase"), ("chargeback", "unknown"), ("", None)]
)
def test_an_unknown_kind_of_transaction_is_unknown_and_none_is_null(
    written: str, expected: str | None
) -> None:
    assert converted({**GOOD, "txn_type": written})["txn_type"] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (1, True),
        (0, False),
        (1.0, True),
        (True, True),
        (False, False),
        ("1", True),
        ("0", False),
        ("1.0", True),
        (" 0.0", False),
        ("Fraud", True),
        ("no", False),
        ("", None),
    ],
)
def test_a_label_may_be_a_number_a_boolean_or_a_word(written: object, expected: object) -> None:
    row = converted({**GOOD, "is_fraud": written}, label="is_fraud")
    assert (row[LABEL], row[REASON]) == (expected, None)


def test_a_label_that_is_neither_is_a_reason() -> None:
    row = converted({**GOOD, "scenario": 3}, label="scenario")
    assert row[REASON] == "the label '3' is neither fraud (1) nor legitimate (0)"


def test_the_times_that_a_reason_names_are_taken() -> None:
    named = TAKEN.removesuffix(" or a number since 1970").split(", ")

    assert len(named) == 3
    for written in named:
        assert converted({**GOOD, "timestamp": written})["timestamp"].date() == date(2026, 1, 31)
