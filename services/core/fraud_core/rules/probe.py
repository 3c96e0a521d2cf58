"""Tries a condition on made-up transactions: is it true or false, for each row by itself?

The allow-list of words should leave nothing to find here but wrong types; this is the second lock.
"""

from datetime import datetime
from functools import cache

import polars as pl
from polars.exceptions import PolarsError

from fraud_core.rules.columns import rule_columns

ROWS = 6
_VALUES: dict[type[pl.DataType], list[object]] = {
    pl.Float64: [0.0, 1.0, 450.5, None, -3.0, 1e9],
    pl.String: ["US", "IN", "", None, "XYZ_Merchant", "US"],
    pl.Datetime: [datetime(2026, 1, day) for day in range(1, ROWS)] + [None],  # noqa: DTZ001 - Avro's are naive UTC
}


@cache
def _probe() -> pl.DataFrame:
    """A few rows, with nulls, in which the columns do not move in step."""
    series = []
    for shift, (name, dtype) in enumerate(rule_columns().items()):
        values = _VALUES[dtype.base_type()]
        turn = shift % ROWS
        series.append(pl.Series(name, values[turn:] + values[:turn], dtype=dtype))
    return pl.DataFrame(series)


def probe_fault(condition: pl.Expr) -> str | None:
    """What is wrong with the condition, as a sentence; None if nothing is."""
    try:
        nothing = _answers(_probe().clear(), condition)
        whole = _answers(_probe(), condition)
        single = [_answers(_probe().slice(row, 1), condition) for row in range(ROWS)]
    except PolarsError as error:
        return f"{(str(error).splitlines() or ['types do not fit'])[0].rstrip('.')}."
    if nothing.dtype != pl.Boolean:
        return f"it gives {_kind(nothing.dtype)}, and a condition must be true or false."
    if len(nothing) != 0 or not whole.equals(pl.concat(single)):
        return "its answer for a transaction depends on other transactions, and so on where a batch ends."
    return None


def _answers(frame: pl.DataFrame, condition: pl.Expr) -> pl.Series:
    return frame.select(condition.alias("answer"))["answer"]


def _kind(dtype: pl.DataType) -> str:
    return "a number" if dtype.is_numeric() else "a text" if dtype == pl.String else f"{dtype}"
