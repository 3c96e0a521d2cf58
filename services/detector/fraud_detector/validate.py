"""Says which well-formed records are no possible transaction, or login.

Never looks at the wall clock: a replay must come to the same answer. So a record gets through whose producer
set its Kafka timestamp to the same wrong time, and what comes after must bear some that lie far ahead.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud_detector.dead_letters import InvalidTransactionError

YEAR_1_MS, YEAR_2000_MS, YEAR_10000_MS = -62_135_596_800_000, 946_684_800_000, 253_402_300_800_000
"""Python knows no times before the first and none from the last on, so could not read them in a decision."""
DAY_MS = 86_400_000
MAX_AMOUNT = 1e12
"""Above this the integer sums of the features could overflow; no transaction is worth that much."""

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


def faults(batch: pa.RecordBatch, kafka_timestamps: npt.ArrayLike) -> dict[int, InvalidTransactionError]:
    """The faulty rows of the batch and what is wrong with each.

    `kafka_timestamps` are the records' own, in milliseconds, one a row; 0 where the broker gave none.
    """
    amount = batch["amount"].to_numpy()
    event = batch["timestamp"].cast(pa.int64()).to_numpy()
    checks: tuple[tuple[Mask, str, Any], ...] = (
        (_empty(batch["transaction_id"]), "The transaction_id is empty", ""),
        (_empty(batch["user"]), "The user is empty", ""),
        (~np.isfinite(amount), "The amount is not a number: ", amount),
        (amount < 0, "The amount is negative: ", amount),
        (amount > MAX_AMOUNT, f"The amount is above {MAX_AMOUNT:g}: ", amount),
        *(
            (mask, f"The timestamp is {text}, in ms since 1970: ", event)
            for mask, text in _times(event, kafka_timestamps)
        ),
    )
    found: dict[int, InvalidTransactionError] = {}
    for mask, text, column in checks:
        for row in np.flatnonzero(mask):
            value = column[row] if len(column) else ""
            found.setdefault(int(row), InvalidTransactionError(f"{text}{value}."))
    return found


def impossible_logins(batch: pa.RecordBatch, kafka_timestamps: npt.ArrayLike) -> Mask:
    """Which rows of logins have a time that no transaction could have."""
    event = batch["timestamp"].cast(pa.int64()).to_numpy()
    wrong: Mask = np.any([mask for mask, _ in _times(event, kafka_timestamps)], axis=0)
    return wrong


def readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The transactions, without the starts of sessions that Python could not read back from a decision."""
    place = batch.schema.get_field_index("session_started_at")
    began = batch.column(place)
    number = began.cast(pa.int64())
    known = pc.and_(pc.greater_equal(number, YEAR_1_MS), pc.less(number, YEAR_10000_MS))
    if pc.all(known).as_py() is not False:
        return batch
    return batch.set_column(
        place, batch.schema.field(place), pc.if_else(known, began, pa.scalar(None, began.type))
    )


def _times(event: Ints, kafka_timestamps: npt.ArrayLike) -> Iterator[tuple[Mask, str]]:
    """What can't be of event times."""
    kafka = np.asarray(kafka_timestamps, dtype=np.int64)
    yield event < YEAR_2000_MS, "before the year 2000"
    yield event >= YEAR_10000_MS, "after the year 9999"
    yield (kafka > 0) & (event - DAY_MS > kafka), "more than a day ahead of the record's Kafka timestamp"


def _empty(column: pa.Array) -> Mask:
    mask: Mask = np.asarray(pc.equal(pc.binary_length(column), 0))
    return mask
