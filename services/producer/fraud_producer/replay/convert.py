"""Expressions that turn the columns of any file into transactions, and say of each row why it can't be one.

A reason is about the row alone, so rows are judged in batches, lazily, in any order.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import polars as pl

from fraud_core.avro.types import enum_fields, polars_schema
from fraud_core.errors import InputError
from fraud_core.schemas import schema

REASON = "\0reason"
LABEL = "\0label"
MAX_AMOUNT = 1e12
"""The detector takes no larger one."""
FIRST_YEAR = datetime(2000, 1, 1)  # noqa: DTZ001 - event times of frames are naive UTC
LATEST_AHEAD = timedelta(days=1)
FRAUD_WORDS = ("true", "t", "yes", "y", "fraud", "fraudulent")
LEGITIMATE_WORDS = ("false", "f", "no", "n", "legitimate", "legit", "genuine")

_SECONDS_BELOW, _MILLIS_BELOW, _MICROS_BELOW = 1e11, 1e14, 1e17
_EXACT_BELOW = 2**53
_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_COMPACT = {14: "%Y%m%d%H%M%S", 8: "%Y%m%d"}
_FORMAT_WITH_ZONE = "%Y-%m-%d %H:%M:%S%.f%#z"
TAKEN = "2026-01-31 13:30, 2026-01-31T13:30:00+01:00, 20260131133000 or a number since 1970"
"""How times are written, for who writes 01/02/2026, which is another day here than there."""


def text(column: str, dtype: pl.DataType) -> pl.Expr:
    """The column as text; empty and NaN are null, whole numbers have no decimals (pandas has ids as 596.0).

    Raises:
        InputError: the column holds lists, structures or bytes.
    """
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise InputError(
            f"The column {column} holds values of type {dtype}; a field takes one text or number."
        )
    value = pl.col(column)
    if dtype.is_float():
        whole = value.is_finite() & (value == value.round()) & (value.abs() < _EXACT_BELOW)
        known = value.fill_nan(None)
        return (
            pl.when(whole)
            .then(value.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(known.cast(pl.String))
        )
    stripped = value.cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def number(column: str, dtype: pl.DataType) -> pl.Expr:
    """The column as Float64, null where it is no number."""
    return (pl.col(column) if dtype.is_numeric() else text(column, dtype)).cast(pl.Float64, strict=False)


def moment(column: str, dtype: pl.DataType) -> pl.Expr:
    """The column as naive UTC milliseconds, null where it is no time.

    Dates, date-times, ISO 8601 texts (without an offset they are UTC), and numbers since 1970: seconds below
    1e11 (the year 5138), milliseconds below 1e14, microseconds below 1e17, else nanoseconds. Texts and
    numbers as 20260101000144 and 20260101 are dates, though, where they can be: since 1970 they would be
    before 1974, or in 2286 and later.
    """
    value = pl.col(column)
    if isinstance(dtype, pl.Datetime):
        utc = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else value
        return utc.cast(pl.Datetime("ms"))
    if dtype == pl.Date:
        return value.cast(pl.Datetime("ms"))
    if dtype.is_numeric():
        return pl.coalesce(*_compact(text(column, dtype)), _since_1970(value.cast(pl.Float64)))
    return _parsed(text(column, dtype))


def _since_1970(value: pl.Expr) -> pl.Expr:
    size = value.abs()
    millis = (
        pl.when(size < _SECONDS_BELOW)
        .then(value * 1e3)
        .when(size < _MILLIS_BELOW)
        .then(value)
        .when(size < _MICROS_BELOW)
        .then(value / 1e3)
        .otherwise(value / 1e6)
    )
    return millis.round().cast(pl.Int64, strict=False).cast(pl.Datetime("ms"))


def _parsed(written: pl.Expr) -> pl.Expr:
    spaced = written.str.replace(r"^(\S+)[Tt]", "${1} ").str.replace(r"([Zz]| UTC)$", "+00:00")
    zoned = spaced.str.to_datetime(_FORMAT_WITH_ZONE, time_unit="ms", strict=False).dt.replace_time_zone(None)
    naive = [spaced.str.to_datetime(form, time_unit="ms", strict=False) for form in _FORMATS]
    return pl.coalesce(*_compact(written), _since_1970(written.cast(pl.Float64, strict=False)), zoned, *naive)


def _compact(written: pl.Expr) -> list[pl.Expr]:
    return [_all_digits(written, length, form) for length, form in _COMPACT.items()]


def _all_digits(written: pl.Expr, length: int, form: str) -> pl.Expr:
    """Calendar times without separators, where they are times at all; other numbers are since 1970."""
    digits = pl.when(written.str.contains(f"^[0-9]{{{length}}}$")).then(written)
    return digits.str.to_datetime(form, time_unit="ms", strict=False)


def label(column: str, dtype: pl.DataType) -> pl.Expr:
    """True where the row says fraud, false where it says legitimate, null where it says nothing or else.

    1 and 0 in any spelling, also as text: a column of numbers with gaps is written as 1.0 and 0.0.
    """
    word, figure = text(column, dtype).str.to_lowercase(), number(column, dtype)
    return (
        pl.when((figure == 1) | word.is_in(FRAUD_WORDS))
        .then(statement=True)
        .when((figure == 0) | word.is_in(LEGITIMATE_WORDS))
        .then(statement=False)
    )


def transactions(
    mapping: Mapping[str, str], columns: pl.Schema, unmapped_id: pl.Expr, label_column: str | None
) -> list[pl.Expr]:
    """Expressions for the transaction's fields, `LABEL` and `REASON` (null where the row can be mapped).

    `unmapped_id` is the transaction_id of files that have none.
    """
    fields = []
    for field, dtype in polars_schema("Transaction").items():
        value = _field(field, dtype, mapping.get(field), columns)
        fields.append(
            (unmapped_id if field == "transaction_id" and field not in mapping else value).alias(field)
        )
    verdict = label(label_column, columns[label_column]) if label_column else pl.lit(None, dtype=pl.Boolean)
    return [*fields, verdict.alias(LABEL), _reason(mapping, columns, label_column).alias(REASON)]


def _field(field: str, dtype: pl.DataType, column: str | None, columns: pl.Schema) -> pl.Expr:
    if column is None:
        return pl.lit(None, dtype=dtype)
    if dtype == pl.Float64:
        return number(column, columns[column])
    if isinstance(dtype, pl.Datetime):
        return moment(column, columns[column])
    value = text(column, columns[column])
    return _known_symbol(value, field) if field in enum_fields("Transaction") else value


def _known_symbol(value: pl.Expr, field: str) -> pl.Expr:
    """The symbol of the schema's enum that the text names, else `unknown`; null stays null."""
    types = next(f["type"] for f in schema("Transaction")["fields"] if f["name"] == field)
    symbols = next(t["symbols"] for t in types if isinstance(t, dict))
    lower = value.str.to_lowercase()
    return pl.when(lower.is_in(symbols)).then(lower).when(lower.is_not_null()).then(pl.lit("unknown"))


def _reason(mapping: Mapping[str, str], columns: pl.Schema, label_column: str | None) -> pl.Expr:
    """The first thing that is wrong with the row, in words."""
    checks = [check for field in mapping for check in _checks(field, mapping[field], columns)]
    if label_column:
        raw = text(label_column, columns[label_column])
        unclear = raw.is_not_null() & label(label_column, columns[label_column]).is_null()
        checks.append((unclear, pl.format("the label '{}' is neither fraud (1) nor legitimate (0)", raw)))
    return pl.coalesce(*(pl.when(wrong).then(words) for wrong, words in checks))


def _checks(field: str, column: str, columns: pl.Schema) -> list[tuple[pl.Expr, pl.Expr]]:
    dtype = columns[column]
    raw = text(column, dtype)
    missing = (raw.is_null(), pl.lit(f"the {field} is missing"))
    if field in {"user", "transaction_id"}:
        return [missing]
    if field == "amount":
        return [missing, *_amount_checks(raw, number(column, dtype))]
    if field == "timestamp":
        return [missing, *_time_checks(raw, moment(column, dtype))]
    if field in {"latitude", "longitude"}:
        value, limit = number(column, dtype), 90 if field == "latitude" else 180
        wrong = raw.is_not_null() & ~value.is_between(-limit, limit).fill_null(value=False)
        return [(wrong, pl.format(f"the {field} '{{}}' is no number of degrees within {limit}", raw))]
    if field == "session_started_at":
        unclear = raw.is_not_null() & moment(column, dtype).is_null()
        return [(unclear, pl.format(f"the session_started_at '{{}}' is no time; write it as {TAKEN}", raw))]
    return []


def _amount_checks(raw: pl.Expr, amount: pl.Expr) -> list[tuple[pl.Expr, pl.Expr]]:
    return [
        (~amount.is_finite().fill_null(value=False), pl.format("the amount '{}' is not a number", raw)),
        (amount < 0, pl.format("the amount {} is negative", raw)),
        (amount > MAX_AMOUNT, pl.format("the amount {} is above 1e12", raw)),
    ]


def _time_checks(raw: pl.Expr, event: pl.Expr) -> list[tuple[pl.Expr, pl.Expr]]:
    latest = datetime.now(UTC).replace(tzinfo=None) + LATEST_AHEAD
    return [
        (event.is_null(), pl.format(f"the timestamp '{{}}' is no time; write it as {TAKEN}", raw)),
        (event < FIRST_YEAR, pl.format("the timestamp '{}' is before the year 2000", raw)),
        (event > latest, pl.format("the timestamp '{}' is more than a day in the future", raw)),
    ]
