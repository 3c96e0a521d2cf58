"""Advances a state by a batch of transactions and gives their features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_core.features.layout import Ints
from fraud_core.features.names import FEATURES, OWN
from fraud_core.features.places import NAME_BYTES
from fraud_core.features.rows import Columns, Floats, Output, run
from fraud_core.features.side import SideTables
from fraud_core.features.side.keys import SEED, Keys, keys_of
from fraud_core.features.state import State
from fraud_core.features.strings import hashes, text_of
from fraud_core.features.users import CHUNK_SHIFT, CHUNKS

SECOND_SEED = 0x9E3779B9


@dataclass(frozen=True)
class Computed:
    """What is known of each transaction of a batch as of its own time.

    Attributes:
        values: shape (len(FEATURES), rows), in the order of FEATURES; NaN is unknown.
        previous_location: String, the user's last known country before the transaction, null if none.
        seconds_since_location: shape (rows,), since the user was there; NaN where there is none.
    """

    values: Floats
    previous_location: pl.Series
    seconds_since_location: Floats


class Span(NamedTuple):
    """Rows of a frame, from `first` to before `end`, that belong to one partition."""

    state: State
    first: int
    end: int
    partition: int = 0


def advance(state: State, frame: pl.DataFrame, side: SideTables | None = None) -> Computed:
    """Compute the features of the transactions, in order, and let the state learn from them.

    Args:
        state: of the partition that the transactions come from; changed.
        frame: columns of `schemas/Transaction.avsc` in the order of the partition. Users, times and amounts
            are there and in bounds, as the detector's validation says.
        side: what is known beside the user's own transactions; without it the features that need it are
            unknown. It learns from the transactions too.
    """
    return advance_each([Span(state, 0, frame.height)], frame, side)


def advance_each(spans: Sequence[Span], frame: pl.DataFrame, side: SideTables | None = None) -> Computed:
    """The same for the transactions of several partitions at once, each a span of rows of one frame.

    Where this fails because of a row, no state has learnt from any: all that a row makes fail comes before.
    What comes after reads names of countries, which are cut between characters.
    """
    keys, output = keys_of(frame), _output(frame.height)
    columns = _columns(spans, frame, keys)
    for state, first, end, _ in spans:
        row = first
        while (row := run(state.store(), columns, output, row, end)) < end:
            state.grow()
    if side is not None:
        side.observe(output.values, frame, keys, [(span.partition, span.first, span.end) for span in spans])
    return Computed(output.values, _previous_location(output), output.seconds_since_location)


def _columns(spans: Sequence[Span], frame: pl.DataFrame, keys: Keys) -> Columns:
    return Columns(
        refs=_users(spans, frame["user"], keys.users),
        times=_milliseconds(frame["timestamp"]),
        amounts=_floats(frame["amount"]),
        sessions=_milliseconds(frame["session_started_at"]),
        latitudes=_floats(frame["latitude"]),
        longitudes=_floats(frame["longitude"]),
        locations=keys.locations,
        location_names=text_of(frame["location"]),
        devices=keys.devices,
        merchants=keys.merchants,
        categories=keys.categories,
    )


def chunks_of(users: pl.Series) -> Ints:
    """The chunk, in 0..CHUNKS-1, that each user of a column belongs to."""
    return (hashes(text_of(users), SEED) >> CHUNK_SHIFT) & (CHUNKS - 1)


def _users(spans: Sequence[Span], users: pl.Series, keys: Ints) -> Ints:
    second_keys = hashes(text_of(users), SECOND_SEED)
    found = [state.find(keys[first:end], second_keys[first:end]) for state, first, end, _ in spans]
    return np.concatenate(found) if len(found) > 1 else found[0]


def _milliseconds(column: pl.Series) -> Ints:
    """Null becomes the smallest int64, as numpy's NaT."""
    times = column if column.dtype == pl.Datetime("ms") else column.cast(pl.Datetime("ms"))
    return times.to_numpy(writable=True).view(np.int64)


def _floats(column: pl.Series) -> Floats:
    """Null becomes NaN. Always writable, as numba would compile all anew for a read-only array."""
    numbers = column if column.dtype == pl.Float64 else column.cast(pl.Float64)
    return numbers.to_numpy(writable=True)


def _output(rows: int) -> Output:
    values = np.empty((len(FEATURES), rows))
    values[OWN:] = np.nan
    return Output(
        values=values,
        seconds_since_location=np.empty(rows),
        name_ends=np.zeros(rows + 1, dtype=np.int64),
        name_data=np.empty(rows * NAME_BYTES, dtype=np.uint8),
        name_known=np.zeros((rows + 7) // 8, dtype=np.uint8),
    )


def _previous_location(output: Output) -> pl.Series:
    names = (output.name_ends, output.name_data, output.name_known)
    ends, data, known = map(pa.py_buffer, names)
    array = pa.Array.from_buffers(pa.large_string(), len(output.name_ends) - 1, [known, ends, data])
    return cast("pl.Series", pl.from_arrow(array))
