"""Makes blocks, and moves them to roomier places as their lists grow.

Blocks come in multiples of eight words. One that was left is reused for the next of its size, so memory
follows what users have, not what they could have.
"""

import numpy as np

from fraud_core.features.layout import (
    BITS,
    CAPACITIES,
    FIRST,
    HEADER,
    LATEST,
    LEAST,
    LENGTHS,
    LIMITS,
    LISTS,
    MOST,
    NEVER,
    PLACE,
    PLACE_TIME,
    POINT_TIME,
    STRIDES,
    TEXT_BYTES,
    UNBORN,
    Ints,
    Store,
    length,
    set_length,
    start,
)
from fraud_core.kernels import part

UNIT = 8
LARGEST = HEADER + int(LIMITS @ STRIDES)
SIZES = LARGEST // UNIT + 2
ROW_ROOM = 16 * (LARGEST + UNIT)
"""Words that must be free before a transaction: it moves a block once for each list that grows, and up to
five times more for a long text."""


def empty_heads() -> Ints:
    """Heads of a store without blocks; the first words stay unused, as 0 means none."""
    heads = np.zeros(SIZES, dtype=np.int64)
    heads[0] = UNIT
    return heads


@part
def block_of(store: Store, ref: int) -> int:
    """The block of the user whose place in the table is `ref`; made if this is the first transaction."""
    if store.table[ref] == UNBORN:
        capacities = 0
        for which in range(LISTS):
            capacities |= LEAST[which] << (BITS * which)
        block = allocate(store, capacities)
        _clear(store.words, block, capacities)
        store.table[ref] = block
    return store.table[ref]  # type: ignore[no-any-return]


@part
def _clear(words: Ints, block: int, capacities: int) -> None:
    for field in (LATEST, FIRST, PLACE_TIME, POINT_TIME):
        words[block + field] = NEVER
    for field in (PLACE, TEXT_BYTES, LENGTHS):
        words[block + field] = 0
    words[block + CAPACITIES] = capacities


@part
def units(capacities: int) -> int:
    """Size of a block with such capacities, in units of eight words."""
    total = HEADER
    for which in range(LISTS):
        total += ((capacities >> (BITS * which)) & MOST) * STRIDES[which]
    return (total + UNIT - 1) // UNIT


@part
def allocate(store: Store, capacities: int) -> int:
    """A block with room for so many entries of each list; its words are as others left them."""
    size = units(capacities)
    block = store.heads[size]
    if block:
        store.heads[size] = store.words[block]
        return block  # type: ignore[no-any-return]
    block = store.heads[0]
    store.heads[0] = block + size * UNIT
    return block  # type: ignore[no-any-return]


@part
def release(store: Store, block: int) -> None:
    """Leave a block to others."""
    size = units(store.words[block + CAPACITIES])
    store.words[block] = store.heads[size]
    store.heads[size] = block


@part
def fit(entries: int, which: int) -> int:
    """Room for so many entries of a list and few more."""
    step = 1 if entries <= 4 else 2 if entries <= 8 else 4 if entries <= 16 else 8  # noqa: PLR2004
    return min(LIMITS[which], max(LEAST[which], (entries + step - 1) // step * step))  # type: ignore[no-any-return]


@part
def _grow(store: Store, ref: int, which: int) -> None:
    """Move the block to where the list has room for one entry more, and the others what they need."""
    words, old = store.words, store.table[ref]
    capacities = 0
    for other in range(LISTS):
        capacities |= fit(length(words, old, other) + (other == which), other) << (BITS * other)
    new = allocate(store, capacities)
    move_block(words, old, new, capacities)
    release(store, old)
    store.table[ref] = new


@part
def move_block(words: Ints, old: int, new: int, capacities: int) -> None:
    """Copy a block to where its lists have such capacities."""
    copy(words, old, words, new, HEADER)
    words[new + CAPACITIES] = capacities
    for which in range(LISTS):
        count = length(words, old, which) * STRIDES[which]
        copy(words, start(words, old, which), words, start(words, new, which), count)


@part
def copy(source: Ints, begin: int, target: Ints, at: int, count: int) -> None:
    """Copy so many words from `begin` on to `at`, within one array or to another."""
    for word in range(count):
        target[at + word] = source[begin + word]


@part
def insert(store: Store, ref: int, which: int, place: int) -> int:
    """Make room in the list for an entry at `place`; gives the index of its first word.

    The list must be below its limit. Indices into the block from before are void: it may have moved.
    """
    words, block, stride = store.words, store.table[ref], STRIDES[which]
    count = length(words, block, which)
    if count == (words[block + CAPACITIES] >> (BITS * which)) & MOST:
        _grow(store, ref, which)
        block = store.table[ref]
    at = start(words, block, which) + place * stride
    for word in range(at + (count - place) * stride - 1, at - 1, -1):
        words[word + stride] = words[word]
    set_length(words, block, which, count + 1)
    return at  # type: ignore[no-any-return]


@part
def remove(words: Ints, block: int, which: int, place: int, count: int) -> None:
    """Take out `count` entries from `place` on."""
    stride, before = STRIDES[which], length(words, block, which)
    at = start(words, block, which) + place * stride
    for word in range(at, at + (before - place - count) * stride):
        words[word] = words[word + count * stride]
    set_length(words, block, which, before - count)
