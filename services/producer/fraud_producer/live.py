"""A stream without a past: event times are now, evenly spaced at a rate."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_producer.pacing import Times
from fraud_producer.slices import TRUTH_SCHEMA, Slice

MOST_ROWS = 5_000
LARGEST_DEBT_S = 1.0
"""After a longer standstill event times go on from now, instead of catching up in a burst."""

Draw = Callable[[Times], pl.DataFrame]
"""Draws a transaction for each of these event times, in milliseconds since 1970."""


def live_slices(draw: Draw, rate: float | None, wall: Callable[[], float] = time.time) -> Iterator[Slice]:
    """Slices of about a second, for ever; nobody knows which of their transactions are fraud.

    Args:
        draw: makes the transactions.
        rate: how many a second; None for frames of 5,000 at the moment in which they are made.
        wall: tells seconds since 1970.
    """
    rows = MOST_ROWS if rate is None else max(1, min(MOST_ROWS, round(rate)))
    step_s = 1 / rate if rate else 0.0
    first = wall()
    while True:
        first = max(first, wall() - (LARGEST_DEBT_S if rate else 0.0))
        times = ((first + step_s * np.arange(rows)) * 1_000).astype(np.int64)
        transactions = draw(times)
        end = first + step_s * rows
        yield Slice(_moment(first), _moment(end), transactions, _NO_LABELS, _unknown(transactions))
        first = end


_NO_LABELS = pl.DataFrame(schema=polars_schema("Label"))


def _unknown(transactions: pl.DataFrame) -> pl.DataFrame:
    truth = transactions.select("transaction_id", "amount", fraud=None, scenario=None)
    return truth.select(TRUTH_SCHEMA.names()).cast(TRUTH_SCHEMA)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
