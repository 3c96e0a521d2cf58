"""Users as a run of words: what a snapshot holds of a chunk, and what an undo puts back.

A packed user is two hashes, the block's header, and the entries of the lists without the room between them.
The word of the capacities is 0, or UNBORN for a user without a block. Snapshots hold these words, so whoever
changes them, or the layout of a block, gives `FORMAT` a new number.
"""

from fraud_core.features.blocks import ROW_ROOM, UNIT, allocate, copy, fit, move_block, release, units
from fraud_core.features.layout import (
    BITS,
    CAPACITIES,
    HEADER,
    LENGTHS,
    LIMITS,
    LISTS,
    MOST,
    STRIDES,
    UNBORN,
    Ints,
    Store,
    length,
    start,
)
from fraud_core.features.users import place_of
from fraud_core.kernels import kernel, part

FORMAT = 2
PREFIX = 2 + HEADER
LARGEST_USER = PREFIX + int(LIMITS @ STRIDES)


@kernel
def packed_size(store: Store, refs: Ints) -> int:
    """How many words these users take."""
    total = 0
    for row in range(refs.size):
        block = store.table[refs[row]]
        total += PREFIX + (_entries(store.words[block + LENGTHS]) if block > 0 else 0)
    return total


@kernel
def pack_users(store: Store, refs: Ints, first: int, target: Ints) -> tuple[int, int]:
    """Pack users from `first` on while they fit; gives the next one and the number of words written."""
    at = 0
    for row in range(first, refs.size):
        block = store.table[refs[row]]
        size = PREFIX + (_entries(store.words[block + LENGTHS]) if block > 0 else 0)
        if at + size > target.size:
            return row, at
        copy(store.table, refs[row] - 2, target, at, 2)
        if block > 0:
            _pack_block(store.words, block, target, at + 2)
        else:
            target[at + 2 : at + PREFIX] = 0
            target[at + 2 + CAPACITIES] = UNBORN
        at += size
    return refs.size, at


@kernel
def shrink_users(store: Store, refs: Ints) -> None:
    """Move blocks whose lists have become shorter to smaller places, as far as there is room."""
    words = store.words
    for row in range(refs.size):
        old = store.table[refs[row]]
        capacities = _capacities(words[old + LENGTHS])
        if units(capacities) < units(words[old + CAPACITIES]) and words.size - store.heads[0] >= ROW_ROOM:
            new = allocate(store, capacities)
            move_block(words, old, new, capacities)
            release(store, old)
            store.table[refs[row]] = new


@kernel
def room_for(words: Ints) -> tuple[int, int]:
    """How many users are packed in these words, and how many words their blocks need at most."""
    users = room = at = 0
    while at < words.size:
        users += 1
        if words[at + 2 + CAPACITIES] != UNBORN:
            room += units(_capacities(words[at + 2 + LENGTHS])) * UNIT
        at += PREFIX + _entries(words[at + 2 + LENGTHS])
    return users, room + ROW_ROOM


def packed_users(words: Ints) -> int:
    """How many users are packed in these words."""
    return room_for(words)[0]


@kernel
def unpack_users(store: Store, words: Ints) -> int:
    """Give users the blocks that were packed, in place of those that they have; gives how many are new."""
    new = at = 0
    while at < words.size:
        place = place_of(store.table, words[at], words[at + 1])
        if store.table[place + 2] == 0:
            store.table[place], store.table[place + 1] = words[at], words[at + 1]
            new += 1
        if store.table[place + 2] > 0:
            release(store, store.table[place + 2])
        lengths = words[at + 2 + LENGTHS]
        if words[at + 2 + CAPACITIES] == UNBORN:
            store.table[place + 2] = UNBORN
        else:
            store.table[place + 2] = allocate(store, _capacities(lengths))
            _unpack_block(words, at + 2, store.words, store.table[place + 2])
        at += PREFIX + _entries(lengths)
    return new


@part
def _entries(lengths: int) -> int:
    """Words of all entries of lists of these lengths."""
    total = 0
    for which in range(LISTS):
        total += ((lengths >> (BITS * which)) & MOST) * STRIDES[which]
    return total


@part
def _capacities(lengths: int) -> int:
    capacities = 0
    for which in range(LISTS):
        capacities |= fit((lengths >> (BITS * which)) & MOST, which) << (BITS * which)
    return capacities


@part
def _pack_block(words: Ints, block: int, target: Ints, at: int) -> None:
    copy(words, block, target, at, HEADER)
    target[at + CAPACITIES] = 0
    at += HEADER
    for which in range(LISTS):
        count = length(words, block, which) * STRIDES[which]
        copy(words, start(words, block, which), target, at, count)
        at += count


@part
def _unpack_block(source: Ints, at: int, words: Ints, block: int) -> None:
    copy(source, at, words, block, HEADER)
    words[block + CAPACITIES] = _capacities(source[at + LENGTHS])
    at += HEADER
    for which in range(LISTS):
        count = length(words, block, which) * STRIDES[which]
        copy(source, at, words, start(words, block, which), count)
        at += count
