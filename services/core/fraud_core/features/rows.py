"""The loop over a batch: for each transaction the features as of its time, then what it adds to the state."""

import math
from typing import Any, NamedTuple, cast

import numpy as np

from fraud_core.features import names
from fraud_core.features.blocks import ROW_ROOM, block_of
from fraud_core.features.layout import (
    CATEGORIES,
    DAY,
    DEVICES,
    FIRST,
    HOUR,
    LATEST,
    LATITUDE,
    LIMITS,
    LOCATIONS,
    LONGITUDE,
    LOW,
    LOW_BITS,
    MERCHANTS,
    MINUTE,
    MONTH,
    NEVER,
    PLACE,
    PLACE_TIME,
    POINT_TIME,
    Ints,
    Store,
)
from fraud_core.features.members import NO_ENTRY, find, join, others, sighted, visited
from fraud_core.features.panes import PANE_LIMIT, days, prune, record, tally
from fraud_core.features.places import (
    distance_km,
    possible,
    remember_place,
    remember_point,
    write_name,
)
from fraud_core.features.strings import Bytes, Text
from fraud_core.kernels import kernel, part

Floats = np.ndarray[Any, np.dtype[np.float64]]

SECOND_MS = 1000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
WEEK_DAYS: int = cast("int", np.int64(7))  # as the constants of `layout`
UNITS = 10_000
"""Sums are in units of 1/10,000 of the currency."""
MAX_AMOUNT = 1e12
MAX_TIME = 253_402_300_800_000
"""Year 10,000 in ms. Validation keeps amounts and times in bounds; a stray one is cut here, so that it can
spoil its own features and nothing else."""
LEAST_AMOUNTS = 3
LEAST_SPREAD = 0.01
NIGHT_ENDS = 6
SATURDAY = 5
FRIDAY_TO_MONDAY = 3  # 1970 began on a Thursday, three days after a Monday


class Columns(NamedTuple):
    """What is read of a batch, an entry a row; hashes are 0 and numbers NaN where unknown.

    Attributes:
        refs: the user's place in the table.
        times, sessions: in ms; the smallest int64 where the session is unknown.
    """

    refs: Ints
    times: Ints
    amounts: Floats
    sessions: Ints
    latitudes: Floats
    longitudes: Floats
    locations: Ints
    location_names: Text
    devices: Ints
    merchants: Ints
    categories: Ints


class Output(NamedTuple):
    """What is written: features, and the last known country with its age.

    The names of countries stand in `name_data`, that of row i between `name_ends[i]` and `name_ends[i + 1]`.
    """

    values: Floats
    seconds_since_location: Floats
    name_ends: Ints
    name_data: Bytes
    name_known: Bytes


@kernel
def run(store: Store, columns: Columns, output: Output, first: int, end: int) -> int:
    """Go over the rows from `first` to before `end`; gives that at which the store needs room, or `end`."""
    for row in range(first, end):
        if store.words.size - store.heads[0] < ROW_ROOM:
            return row
        ref, time = columns.refs[row], min(max(columns.times[row], 0), MAX_TIME)
        block = block_of(store, ref)
        newest = max(store.words[block + LATEST], time)
        _calendar(output.values, row, time, columns.sessions[row])
        _previous(store.words, block, columns, output, row, time)
        _amounts(store, ref, output.values, row, time, newest, columns.amounts[row])
        _locations(store, ref, columns, output.values, row, time, newest)
        _devices(store, ref, columns.devices[row], output.values, row, time, newest)
        _merchants(store, ref, columns.merchants[row], output.values, row, time)
        _categories(store, ref, columns.categories[row], output.values, row, time, columns.amounts[row])
        _remember(store, ref, columns, row, time, newest)
    return end


@part
def _calendar(values: Floats, row: int, time: int, session: int) -> None:
    hour = (time % DAY_MS) / HOUR_MS
    weekday = (time // DAY_MS + FRIDAY_TO_MONDAY) % WEEK_DAYS
    values[names.HOUR, row] = hour
    values[names.NIGHT, row] = 1.0 if hour < NIGHT_ENDS else 0.0
    values[names.WEEKEND, row] = 1.0 if weekday >= SATURDAY else 0.0
    known = 0 <= session <= time
    values[names.SESSION_SECONDS, row] = (time - session) / SECOND_MS if known else math.nan


@part
def _previous(words: Ints, block: int, columns: Columns, output: Output, row: int, time: int) -> None:
    """What is measured against the user's last transaction, country and coordinates, each if not after t."""
    values = output.values
    values[names.SECONDS_SINCE_LAST, row] = _seconds(words[block + LATEST], time)
    values[names.USER_AGE_DAYS, row] = (
        (time - words[block + FIRST]) / DAY_MS if 0 <= words[block + FIRST] <= time else 0.0
    )
    since = _seconds(words[block + PLACE_TIME], time)
    output.seconds_since_location[row] = since
    output.name_ends[row + 1] = output.name_ends[row]
    values[names.LOCATION_CHANGED, row] = math.nan
    if not math.isnan(since):
        output.name_known[row >> 3] |= 1 << (row & 7)
        output.name_ends[row + 1] = write_name(words, block, output.name_data, output.name_ends[row])
        if columns.locations[row]:
            values[names.LOCATION_CHANGED, row] = columns.locations[row] != words[block + PLACE]
    _travel(words, block, columns.latitudes[row], columns.longitudes[row], values, row, time)


@part
def _seconds(since: int, time: int) -> float:
    return (time - since) / SECOND_MS if NEVER < since <= time else math.nan


@part
def _travel(
    words: Ints, block: int, latitude: float, longitude: float, values: Floats, row: int, time: int
) -> None:
    seconds = _seconds(words[block + POINT_TIME], time)
    values[names.KM_SINCE_LAST, row] = values[names.KMH_SINCE_LAST, row] = math.nan
    if possible(latitude, longitude) and not math.isnan(seconds):
        last_latitude = np.int64(words[block + LATITUDE]).view(np.float64)
        last_longitude = np.int64(words[block + LONGITUDE]).view(np.float64)
        km = distance_km(last_latitude, last_longitude, latitude, longitude)
        values[names.KM_SINCE_LAST, row] = km
        values[names.KMH_SINCE_LAST, row] = km * 3600.0 / max(seconds, 1.0)


@part
def _units(amount: float) -> int:
    bounded = min(amount, MAX_AMOUNT) if amount >= 0 else 0.0
    return np.int64(np.rint(bounded * UNITS))  # type: ignore[return-value]


@part
def _amounts(store: Store, ref: int, values: Floats, row: int, time: int, newest: int, amount: float) -> None:
    units = _units(amount)
    values[names.AMOUNT, row] = amount
    words, block = store.words, store.table[ref]
    prune(words, block, MINUTE, newest // SECOND_MS)
    prune(words, block, HOUR, newest // MINUTE_MS)
    prune(words, block, DAY, newest // HOUR_MS)
    prune(words, block, MONTH, newest // DAY_MS)
    _tempo(words, block, values, row, time, units)
    _month(words, block, values, row, time, units)
    record(store, ref, MINUTE, time // SECOND_MS, newest // SECOND_MS, units)
    record(store, ref, HOUR, time // MINUTE_MS, newest // MINUTE_MS, units)
    record(store, ref, DAY, time // HOUR_MS, newest // HOUR_MS, units)
    record(store, ref, MONTH, time // DAY_MS, newest // DAY_MS, units)


@part
def _tempo(words: Ints, block: int, values: Floats, row: int, time: int, units: int) -> None:
    """Counts and sums of the windows up to a day, this transaction included."""
    minute, _ = tally(words, block, MINUTE, time // SECOND_MS)
    hour, hour_units = tally(words, block, HOUR, time // MINUTE_MS)
    day, day_units = tally(words, block, DAY, time // HOUR_MS)
    values[names.TXN_PER_MINUTE, row] = minute + 1
    values[names.TXN_PER_HOUR, row] = hour + 1
    values[names.TXN_PER_DAY, row] = day + 1
    values[names.AMOUNT_SUM_1H, row] = float(hour_units + units) / UNITS
    values[names.AMOUNT_SUM_1D, row] = float(day_units + units) / UNITS


@part
def _month(words: Ints, block: int, values: Floats, row: int, time: int, units: int) -> None:
    """The windows of days, and the amount against the user's earlier ones."""
    count, total, squares, week, week_units = days(words, block, time // DAY_MS, WEEK_DAYS)
    values[names.TXN_7D, row] = week + 1
    values[names.TXN_30D, row] = count + 1
    values[names.AMOUNT_SUM_7D, row] = float(week_units + units) / UNITS
    values[names.AMOUNT_TO_MEAN_30D, row] = _over_mean(units, count, total)
    values[names.AMOUNT_ZSCORE_30D, row] = _zscore(float(units), count, total, squares)


@part
def _over_mean(units: int, count: int, total: int) -> float:
    mean = float(total) / float(count) if count else 0.0
    return float(units) / mean if mean > 0.0 else math.nan


@part
def _zscore(units: float, count: int, total: int, squares: float) -> float:
    """In spreads, which are at least 1 % of the mean, and one unit."""
    if count < LEAST_AMOUNTS:
        return math.nan
    mean = float(total) / float(count)
    spread = math.sqrt(max(squares / float(count) - mean * mean, 0.0))
    return (units - mean) / max(spread, mean * LEAST_SPREAD, 1.0)


@part
def _locations(
    store: Store, ref: int, columns: Columns, values: Floats, row: int, time: int, newest: int
) -> None:
    key, second = columns.locations[row], time // SECOND_MS
    values[names.LOCATIONS_1D, row] = math.nan
    if key == 0:
        return
    block, oldest = store.table[ref], newest // HOUR_MS - LIMITS[DAY] + 1
    values[names.LOCATIONS_1D, row] = 1 + others(store.words, block, LOCATIONS, key, oldest, time // HOUR_MS)
    entry = find(store.words, block, LOCATIONS, key)
    if entry == NO_ENTRY:
        join(store, ref, LOCATIONS, key, (second << LOW_BITS) | 1)
    else:
        store.words[entry + 1] = sighted(store.words[entry + 1], second)


@part
def _devices(store: Store, ref: int, key: int, values: Floats, row: int, time: int, newest: int) -> None:
    words, second = store.words, time // SECOND_MS
    values[names.DEVICE_SEEN_BEFORE, row] = values[names.DEVICES_1D, row] = math.nan
    if key == 0:
        return
    block, oldest = store.table[ref], newest // HOUR_MS - LIMITS[DAY] + 1
    values[names.DEVICES_1D, row] = 1 + others(words, block, DEVICES, key, oldest, time // HOUR_MS)
    entry = find(words, block, DEVICES, key)
    values[names.DEVICE_SEEN_BEFORE, row] = entry != NO_ENTRY and words[entry + 2] <= time
    if entry == NO_ENTRY:
        entry = join(store, ref, DEVICES, key, (second << LOW_BITS) | 1)
        if entry != NO_ENTRY:
            words[entry + 2] = time
    else:
        words[entry + 1] = sighted(words[entry + 1], second)
        words[entry + 2] = min(words[entry + 2], time)


@part
def _merchants(store: Store, ref: int, key: int, values: Floats, row: int, time: int) -> None:
    words, second = store.words, time // SECOND_MS
    values[names.MERCHANT_VISITS, row] = math.nan
    if key == 0:
        return
    entry = find(words, store.table[ref], MERCHANTS, key)
    if entry == NO_ENTRY:
        values[names.MERCHANT_VISITS, row] = 0.0
        join(store, ref, MERCHANTS, key, (second << LOW_BITS) | 1)
        return
    if words[entry + 1] >> LOW_BITS <= second:
        values[names.MERCHANT_VISITS, row] = words[entry + 1] & LOW
    words[entry + 1] = visited(words[entry + 1], second)


@part
def _categories(store: Store, ref: int, key: int, values: Floats, row: int, time: int, amount: float) -> None:
    """Writes nothing where the category is unknown, as its features are until they are written."""
    if key == 0:
        return
    words, second, units = store.words, time // SECOND_MS, _units(amount)
    entry = find(words, store.table[ref], CATEGORIES, key)
    if entry == NO_ENTRY:
        values[names.CATEGORY_VISITS, row] = 0.0
        entry = join(store, ref, CATEGORIES, key, (second << LOW_BITS) | 1)
        if entry != NO_ENTRY:
            words[entry + 2] = units
        return
    visits, total = words[entry + 1] & LOW, words[entry + 2]
    if words[entry + 1] >> LOW_BITS <= second:
        values[names.CATEGORY_VISITS, row] = visits
        if total > 0:
            values[names.AMOUNT_TO_CATEGORY_MEAN, row] = float(units) / (float(total) / float(visits))
    words[entry + 1] = visited(words[entry + 1], second)
    words[entry + 2] = min(total + units, PANE_LIMIT)


@part
def _remember(store: Store, ref: int, columns: Columns, row: int, time: int, newest: int) -> None:
    """Note the transaction as the user's last, unless a later one is known."""
    words, block = store.words, store.table[ref]
    words[block + LATEST] = newest
    if words[block + FIRST] == NEVER or time < words[block + FIRST]:
        words[block + FIRST] = time
    latitude, longitude = columns.latitudes[row], columns.longitudes[row]
    if time >= words[block + POINT_TIME] and possible(latitude, longitude):
        remember_point(words, block, time, latitude, longitude)
    if time >= words[block + PLACE_TIME] and columns.locations[row]:
        remember_place(store, ref, time, columns.locations[row], columns.location_names, row)
