"""Says which well-formed records are no possible transaction.

Never looks at the wall clock: a replay must come to the same answer.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud_detector.dead_letters import InvalidTransactionError

YEAR_2000_MS = 946_684_800_000
DAY_MS = 86_400_000
MAX_AMOUNT = 1e12
"""Above this the integer sums of the features could overflow; no transaction is worth that much."""

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def faults(batch: pa.RecordBatch, kafka_timestamps: npt.ArrayLike) -> dict[int, InvalidTransactionError]:
    """The faulty rows of the batch and what is wrong with each.

    `kafka_timestamps` are the records' own, in milliseconds, one a row; 0 where the broker gave none.
    """
    amount = batch["amount"].to_numpy()
    event = batch["timestamp"].cast(pa.int64()).to_numpy()
    kafka = np.asarray(kafka_timestamps, dtype=np.int64)
    ahead = (kafka > 0) & (event - DAY_MS > kafka)
    checks: tuple[tuple[Mask, str, Any], ...] = (
        (_empty(batch["transaction_id"]), "The transaction_id is empty", ""),
        (_empty(batch["user"]), "The user is empty", ""),
        (~np.isfinite(amount), "The amount is not a number: ", amount),
        (amount < 0, "The amount is negative: ", amount),
        (amount > MAX_AMOUNT, f"The amount is above {MAX_AMOUNT:g}: ", amount),
        (event < YEAR_2000_MS, "The timestamp is before the year 2000, in ms since 1970: ", event),
        (
            ahead,
            "The timestamp is more than a day ahead of the record's Kafka timestamp, in ms since 1970: ",
            event,
        ),
    )
    found: dict[int, InvalidTransactionError] = {}
    for mask, text, column in checks:
        for row in np.flatnonzero(mask):
            value = column[row] if len(column) else ""
            found.setdefault(int(row), InvalidTransactionError(f"{text}{value}."))
    return found


def _empty(column: pa.Array) -> Mask:
    mask: Mask = np.asarray(pc.equal(pc.binary_length(column), 0))
    return mask
