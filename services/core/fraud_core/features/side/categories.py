"""What categories of merchants are known for: how much is paid there, and how often it is fraud.

Cohorts are those of the merchants, of 30 days alone. Categories have a ledger of their own, so that all of
them together are counted there too, and none is taken for a merchant of its name.
"""

import math
from typing import NamedTuple

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import FLEET, Ledger, add, block_of, room_needed, totals
from fraud_core.features.side.merchants import HOUR_MS, MONTH, WINDOWS, Floats, smoothed, to_mean
from fraud_core.kernels import kernel, part

TO_MEAN, SMOOTHED = 0, 1
"""Rows of the features in an array of their own."""


class Rows(NamedTuple):
    """What is read of a batch, an entry a row.

    Attributes:
        keys: hashes, 0 where unknown.
        times: ms.
        units: amounts in 1/10,000.
        frauds: of the category in 30 days, as known when the hour began.
        fleet_frauds: the same of all categories.
    """

    keys: Ints
    times: Ints
    units: Ints
    frauds: Ints
    fleet_frauds: Ints


@kernel
def run(ledger: Ledger, rows: Rows, values: Floats, first: int, end: int, delay: int, kept: int) -> int:
    """Write features row by row and add each row after; gives that which needs room, or `end`."""
    for row in range(first, end):
        key, hour = rows.keys[row], rows.times[row] // HOUR_MS
        values[TO_MEAN, row] = values[SMOOTHED, row] = math.nan
        if key == 0:
            continue
        if ledger.words.size - ledger.ends[0] < room_needed(ledger, key) + room_needed(ledger, FLEET):
            return row
        _month(ledger, rows, values, row, hour - delay)
        add(ledger, key, hour, 1, rows.units[row], kept)
        add(ledger, FLEET, hour, 1, rows.units[row], kept)
    return end


@part
def _month(ledger: Ledger, rows: Rows, values: Floats, row: int, last: int) -> None:
    """The features, from the hours of 30 days up to `last`."""
    after = last - WINDOWS[MONTH]
    count, units = totals(ledger, block_of(ledger, rows.keys[row]), after, last)
    all_count, _ = totals(ledger, block_of(ledger, FLEET), after, last)
    values[TO_MEAN, row] = to_mean(rows.units[row], units, count)
    known = min(rows.frauds[row], count)
    values[SMOOTHED, row] = smoothed(known, count, rows.fleet_frauds[row], all_count)
