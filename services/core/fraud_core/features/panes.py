"""Windows of panes: how many transactions and how much money, in the panes up to that of t.

A window of n panes ends with the pane of t. Kept are the last n panes up to the user's greatest time, so for
a late transaction the window is what remains of it. Sums are integers and don't depend on order; the sum of
squares is a float64, added up in order of arrival within a pane and in order of time over panes.
"""

import numpy as np

from fraud_core.features.blocks import insert, remove
from fraud_core.features.layout import (
    LIMITS,
    LOW,
    LOW_BITS,
    MONTH,
    STRIDES,
    Ints,
    Store,
    length,
    start,
)
from fraud_core.kernels import part

PANE_LIMIT = 1 << 57
"""A pane's sum, or a category's, stops here (14 trillion), so that the sum of a window can't overflow."""


@part
def prune(words: Ints, block: int, which: int, newest: int) -> None:
    """Drop the panes that a window which ends with the pane `newest` does not reach."""
    at, stride, count = start(words, block, which), STRIDES[which], length(words, block, which)
    gone, oldest = 0, newest - LIMITS[which] + 1
    while gone < count and words[at + gone * stride] >> LOW_BITS < oldest:
        gone += 1
    if gone:
        remove(words, block, which, 0, gone)


@part
def tally(words: Ints, block: int, which: int, newest: int) -> tuple[int, int]:
    """Count and sum over the kept panes up to `newest`; a list without sums has sum 0."""
    at, stride = start(words, block, which), STRIDES[which]
    count = total = 0
    for entry in range(at, at + length(words, block, which) * stride, stride):
        if words[entry] >> LOW_BITS > newest:
            break
        count += words[entry] & LOW
        if stride > 1:
            total += words[entry + 1]
    return count, total


@part
def days(words: Ints, block: int, newest: int, last: int) -> tuple[int, int, float, int, int]:
    """Count, sum and sum of squares of the kept days up to `newest`; count and sum of the `last` of them."""
    at, stride = start(words, block, MONTH), STRIDES[MONTH]
    count = total = late = late_total = 0
    squares = 0.0
    for entry in range(at, at + length(words, block, MONTH) * stride, stride):
        day = words[entry] >> LOW_BITS
        if day > newest:
            break
        count += words[entry] & LOW
        total += words[entry + 1]
        squares += np.int64(words[entry + 2]).view(np.float64)
        if day > newest - last:
            late += words[entry] & LOW
            late_total += words[entry + 1]
    return count, total, squares, late, late_total


@part
def record(store: Store, ref: int, which: int, pane: int, newest: int, units: int) -> None:
    """Add a transaction to its pane, made where it is missing, unless the window has left it behind."""
    if pane <= newest - LIMITS[which]:
        return
    entry = _pane(store, ref, which, pane)
    words, stride = store.words, STRIDES[which]
    if words[entry] & LOW < LOW:
        words[entry] += 1
    if stride > 1:
        words[entry + 1] = min(words[entry + 1] + units, PANE_LIMIT)
    if stride > 2:  # noqa: PLR2004 - the third word of an entry
        square = np.int64(words[entry + 2]).view(np.float64) + float(units) * float(units)
        words[entry + 2] = np.float64(square).view(np.int64)


@part
def _pane(store: Store, ref: int, which: int, pane: int) -> int:
    """Index of the pane's entry; a search from the end, as most transactions come in order."""
    words, stride = store.words, STRIDES[which]
    at, place = start(words, store.table[ref], which), length(words, store.table[ref], which)
    while place > 0 and words[at + (place - 1) * stride] >> LOW_BITS > pane:
        place -= 1
    if place > 0 and words[at + (place - 1) * stride] >> LOW_BITS == pane:
        return at + (place - 1) * stride  # type: ignore[no-any-return]
    entry = insert(store, ref, which, place)
    words[entry] = pane << LOW_BITS
    for word in range(1, stride):
        words[entry + word] = 0
    return entry
