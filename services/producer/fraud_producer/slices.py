"""What every source of transactions yields, be it a simulation or a replayed file."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

TRUTH_SCHEMA = pl.Schema(
    {"transaction_id": pl.String, "fraud": pl.Boolean, "scenario": pl.String, "amount": pl.Float64}
)


@dataclass(frozen=True)
class Slice:
    """A stretch of the stream, in event-time order.

    Attributes:
        start: where the stretch begins, naive UTC.
        end: where the next one begins, naive UTC; no row of this one is later.
        transactions: frame of `schemas/Transaction.avsc`.
        labels: frame of `schemas/Label.avsc`: the labels that become known in this stretch.
        truth: what these transactions really are, columns TRUTH_SCHEMA, row by row; `fraud` is null where
            nobody knows. It never goes to a topic.
        logins: frame of `schemas/Login.avsc`, None where the source knows of none.
    """

    start: datetime
    end: datetime
    transactions: pl.DataFrame
    labels: pl.DataFrame
    truth: pl.DataFrame
    logins: pl.DataFrame | None = None
