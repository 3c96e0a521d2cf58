"""The merchants' credibility: cohorts of transactions that are old enough for their labels to be there."""

import math
from typing import Any, NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import FLEET, Ledger, add, block_of, room_needed, totals
from fraud_core.kernels import kernel, part

Floats = np.ndarray[Any, np.dtype[np.float64]]
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
UNITS = 10_000
MAX_TIME = 253_402_300_800_000
MOST_UNITS = 10**12
"""An amount counts as 100 million at most in the merchant's mean, so that sums can't overflow."""
WINDOWS: Ints = np.array((24, 7 * 24, 30 * 24))
"""Hours of 1, 7 and 30 days."""
MONTH = 2
TRANSACTIONS, FRAUDS, RATE, SMOOTHED, DAYS_SINCE, TO_MEAN, FEATURES = 0, 3, 6, 9, 12, 13, 14
"""Rows of the merchants' features in an array of their own, the first four for each window.

Not those of `names`: what is compiled here is not compiled anew when something changes there."""
RATE_SINCE_FIRST, TRANSACTIONS_SINCE = 0, 1
"""Rows of those that came later, in another array."""
PRIOR = 20.0
"""The fleet's rate weighs as much as so many transactions of the merchant."""
SLACK = 7 * 24
"""Hours by which partitions may be apart before some see less than they should."""


class Rows(NamedTuple):
    """What is read of a batch, an entry a row.

    Attributes:
        keys: hashes, 0 where unknown.
        times: ms.
        units: amounts in 1/10,000.
        frauds: of the merchant, shape (windows, rows).
        fleet_frauds: of all merchants, shape (windows, rows).
        earliest: when the merchant's earliest known fraud was, ms; -1 where there is none.
        latest: the same of the latest.
    """

    keys: Ints
    times: Ints
    units: Ints
    frauds: Ints
    fleet_frauds: Ints
    earliest: Ints
    latest: Ints


def kept_hours(delay: int) -> int:
    """How many hours up to a merchant's present are kept, for a label delay in hours."""
    return int(WINDOWS[MONTH]) + delay + SLACK


@kernel
def run(
    ledger: Ledger, rows: Rows, values: Floats, since: Floats, first: int, end: int, delay: int, kept: int
) -> int:
    """Write features row by row and add each row after; gives that which needs room, or `end`."""
    for row in range(first, end):
        key, hour = rows.keys[row], rows.times[row] // HOUR_MS
        for feature in range(FEATURES):
            if feature != DAYS_SINCE:
                values[feature, row] = math.nan
        since[RATE_SINCE_FIRST, row] = since[TRANSACTIONS_SINCE, row] = math.nan
        if key == 0:
            continue
        if ledger.words.size - ledger.ends[0] < room_needed(ledger, key) + room_needed(ledger, FLEET):
            return row
        _rates(ledger, rows, values, row, hour, delay)
        _since(ledger, rows, since, row, hour, delay)
        add(ledger, key, hour, 1, rows.units[row], kept)
        add(ledger, FLEET, hour, 1, rows.units[row], kept)
    return end


@part
def _rates(ledger: Ledger, rows: Rows, values: Floats, row: int, hour: int, delay: int) -> None:
    block, fleet = block_of(ledger, rows.keys[row]), block_of(ledger, FLEET)
    last = hour - delay
    for window in range(WINDOWS.size):
        count, units = totals(ledger, block, last - WINDOWS[window], last)
        all_count, _ = totals(ledger, fleet, last - WINDOWS[window], last)
        frauds = rows.frauds[window, row]
        known = min(frauds, count)
        values[TRANSACTIONS + window, row] = count
        values[FRAUDS + window, row] = frauds
        values[RATE + window, row] = known / count if count > 0 else math.nan
        values[SMOOTHED + window, row] = smoothed(known, count, rows.fleet_frauds[window, row], all_count)
        if window == MONTH:
            values[TO_MEAN, row] = to_mean(rows.units[row], units, count)


@part
def smoothed(known: int, count: int, fleet_known: int, fleet_count: int) -> float:
    """The share of known frauds after PRIOR more transactions at the fleet's rate, NaN where it has none."""
    rate = min(fleet_known / fleet_count, 1.0) if fleet_count > 0 else math.nan
    return (known + PRIOR * rate) / (count + PRIOR)


@part
def to_mean(units: int, sum_units: int, count: int) -> float:
    """An amount divided by the mean of others, NaN where there are none or their mean is 0."""
    if sum_units <= 0 or count <= 0:
        return math.nan
    return float(units) / (float(sum_units) / float(count))


@part
def _since(ledger: Ledger, rows: Rows, since: Floats, row: int, hour: int, delay: int) -> None:
    if rows.latest[row] < 0:
        return
    block = block_of(ledger, rows.keys[row])
    last, first = hour - delay, rows.earliest[row] // HOUR_MS
    count, _ = totals(ledger, block, first - 1, last)
    after, _ = totals(ledger, block, rows.latest[row] // HOUR_MS, last)
    if count > 0:
        since[RATE_SINCE_FIRST, row] = min(rows.frauds[MONTH, row], count) / count
    since[TRANSACTIONS_SINCE, row] = after
