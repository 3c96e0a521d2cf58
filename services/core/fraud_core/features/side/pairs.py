"""The blocks of devices: a table of them, and in each its users with their latest hours.

All blocks stand in one array of words: capacity, length, then two words a user, in no order. A block that
is full moves to one of twice the size, up to MOST users.
"""

import math
from typing import NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import PLACE, place_of
from fraud_core.features.side.latest import LATEST, WORDS, note
from fraud_core.features.side.merchants import Floats
from fraud_core.kernels import kernel, part

CAPACITY, LENGTH, HEADER = 0, 1, 2
USER = 2  # words of a user: hash and hour
MOST = 64
"""So many users of a device are known at most."""
FIRST_CAPACITY = 1
BLOCK_WORDS = HEADER + USER * MOST
WINDOW = 24
KEPT = 48
"""Hours up to a partition's latest that its transactions look back to."""
DEVICE, WHO, BEFORE, NOW, OUT, OUT_HOUR, FIELDS = range(7)
"""Of a change: the pair, its hour before and now, and who had to go, with that one's hour; -1 for none."""
PAIR_HOUR, PAIR_FIELDS = 2, 3
"""The column of the hour where pairs are published, after device and user."""
CHANGED = WORDS
"""Where `run` counts changes, after what is known of the partition's latest hour."""


class Pairs(NamedTuple):
    """The arrays.

    Attributes:
        table: open addressing, PLACE words each: device and block; block 0 where the place is free.
        words: the blocks.
        ends: end of the used part of `words`, and how many devices there are.
    """

    table: Ints
    words: Ints
    ends: Ints


def empty_pairs(places: int = 64, words: int = 1024) -> Pairs:
    """No pairs, and room for some; word 0 stays unused, as block 0 means none."""
    table, room = np.zeros(places * PLACE, dtype=np.int64), np.zeros(words + 1, dtype=np.int64)
    return Pairs(table, room, np.array([1, 0], dtype=np.int64))


@kernel
def run(
    pairs: Pairs,
    devices: Ints,
    users: Ints,
    hours: Ints,
    values: Floats,
    changes: Ints,
    at: Ints,
    first: int,
) -> int:
    """Count row by row and add each row after; gives that which needs room, or their number."""
    for row in range(first, devices.size):
        if devices[row] == 0:
            values[row] = math.nan
            continue
        if pairs.words.size - pairs.ends[0] < BLOCK_WORDS:
            return row
        hour = hours[row]
        note(at, hour, KEPT)
        oldest = max(hour - WINDOW, at[LATEST] - KEPT)
        block = pairs.table[place_of(pairs.table, devices[row]) + 1]
        values[row] = 1 + _others(pairs.words, block, users[row], oldest, hour)
        if hour > oldest and _put(pairs, devices[row], users[row], hour, changes, at[CHANGED]):
            at[CHANGED] += 1
    return devices.size


def unnoted() -> Ints:
    """Where changes are written that nobody will take back."""
    return np.empty((FIELDS, 1), dtype=np.int64)


@kernel
def put_all(pairs: Pairs, devices: Ints, users: Ints, hours: Ints, first: int, changes: Ints) -> int:
    """Add pairs from `first` on; gives that which needs room, or their number. `changes` is `unnoted`."""
    for row in range(first, devices.size):
        if pairs.words.size - pairs.ends[0] < BLOCK_WORDS:
            return row
        _put(pairs, devices[row], users[row], hours[row], changes, 0)
    return devices.size


@kernel
def undo(pairs: Pairs, changes: Ints) -> None:
    """Take changes back, the last one first; a pair that has become later since is left alone."""
    words = pairs.words
    for change in range(changes.shape[1] - 1, -1, -1):
        block = pairs.table[place_of(pairs.table, changes[DEVICE, change]) + 1]
        at = _entry(words, block, changes[WHO, change])
        if at == 0 or words[at + 1] != changes[NOW, change]:
            continue
        if changes[BEFORE, change] >= 0:
            words[at + 1] = changes[BEFORE, change]
        elif changes[OUT_HOUR, change] >= 0:
            words[at], words[at + 1] = changes[OUT, change], changes[OUT_HOUR, change]
        else:
            words[block + LENGTH] -= 1
            last = block + HEADER + USER * words[block + LENGTH]
            words[at], words[at + 1] = words[last], words[last + 1]


@kernel
def moved(pairs: Pairs, larger: Pairs, oldest: int, changes: Ints) -> None:
    """Copy all pairs that are later than `oldest`, in blocks as small as may be. `changes` is `unnoted`."""
    words = pairs.words
    for place in range(0, pairs.table.size, PLACE):
        block = pairs.table[place + 1]
        if block:
            for entry in range(words[block + LENGTH]):
                at = block + HEADER + USER * entry
                if words[at + 1] > oldest:
                    _put(larger, pairs.table[place], words[at], words[at + 1], changes, 0)


@part
def _others(words: Ints, block: int, user: int, oldest: int, hour: int) -> int:
    """Users of the block but this one whose hour is after the one, and not after the other."""
    count = 0
    if block:
        for at in range(block + HEADER, block + HEADER + USER * words[block + LENGTH], USER):
            count += words[at] != user and oldest < words[at + 1] <= hour
    return count


@part
def _entry(words: Ints, block: int, user: int) -> int:
    """Where a user stands in the block, 0 if nowhere."""
    if block:
        for at in range(block + HEADER, block + HEADER + USER * words[block + LENGTH], USER):
            if words[at] == user:
                return at
    return 0


@part
def _put(pairs: Pairs, device: int, user: int, hour: int, changes: Ints, change: int) -> bool:
    """Let the pair have this hour unless its own is later; writes what changed, if something did."""
    place = place_of(pairs.table, device)
    if pairs.table[place + 1] == 0:
        pairs.table[place], pairs.table[place + 1] = device, _allocate(pairs, FIRST_CAPACITY)
        pairs.ends[1] += 1
    words, block = pairs.words, pairs.table[place + 1]
    changes[DEVICE, change], changes[WHO, change], changes[NOW, change] = device, user, hour
    changes[BEFORE, change] = changes[OUT, change] = changes[OUT_HOUR, change] = -1
    at = _entry(words, block, user)
    if at:
        changes[BEFORE, change] = words[at + 1]
    elif words[block + LENGTH] < MOST:
        at = _appended(pairs, place)
    else:
        at = _oldest(words, block)
        if (hour, user) < (words[at + 1], words[at]):
            return False
        changes[OUT, change], changes[OUT_HOUR, change] = words[at], words[at + 1]
    if changes[BEFORE, change] >= hour:
        return False
    words[at], words[at + 1] = user, hour
    return True


@part
def _appended(pairs: Pairs, place: int) -> int:
    """Where one more user of the block goes, which moves if it is full."""
    words, block = pairs.words, pairs.table[place + 1]
    length = words[block + LENGTH]
    if length == words[block + CAPACITY]:
        larger = _allocate(pairs, 2 * words[block + CAPACITY])
        words[larger + LENGTH] = length
        for word in range(HEADER, HEADER + USER * length):
            words[larger + word] = words[block + word]
        pairs.table[place + 1] = block = larger
    words[block + LENGTH] += 1
    return block + HEADER + USER * length  # type: ignore[no-any-return]


@part
def _oldest(words: Ints, block: int) -> int:
    """The entry that goes first: with the earliest hour, of equals that of the smallest hash."""
    found = block + HEADER
    for at in range(found + USER, block + HEADER + USER * words[block + LENGTH], USER):
        if (words[at + 1], words[at]) < (words[found + 1], words[found]):
            found = at
    return found


@part
def _allocate(pairs: Pairs, capacity: int) -> int:
    block = pairs.ends[0]
    pairs.ends[0] += HEADER + USER * capacity
    pairs.words[block + CAPACITY], pairs.words[block + LENGTH] = capacity, 0
    return block  # type: ignore[no-any-return]
