"""What a rule may read: the transaction, its features, and where the user was before."""

from difflib import get_close_matches
from functools import cache

import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_core.schemas import feature_names


@cache
def rule_columns() -> dict[str, pl.DataType]:
    """Name and type of each column that expressions and reasons may name."""
    return {
        **polars_schema("Transaction"),
        **dict.fromkeys(feature_names(), pl.Float64()),
        "previous_location": pl.String(),
        "seconds_since_location": pl.Float64(),
    }


def unknown_column(name: str) -> str:
    """A sentence that says that there is no such column, and what may have been meant."""
    known = list(rule_columns())
    close = get_close_matches(name.lower(), known, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"Columns: {', '.join(known)}."
    return f"there is no column `{name}`. {hint}"
