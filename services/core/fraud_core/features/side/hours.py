"""How many transactions each merchant had in each hour, and for how much: sums over any span of hours.

A key has a list of the hours in which something happened, sorted, each with the running totals up to its
end, so that the sum over a span is a difference of two entries. All lists stand in one array of words:

    capacity, length, transactions and amount of the hours that were dropped, then three words an hour.

A list that is full drops the hours that are too old to be asked for, and moves if that is not enough.
"""

from typing import NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel, part

CAPACITY, LENGTH, GONE_COUNT, GONE_UNITS = range(4)
HEADER = 4
STRIDE = 3
FIRST_CAPACITY = 4
PLACE = 2  # words of a place of the table: key and block
FLEET = -1
"""The key of all merchants together; a merchant whose hash it is would be taken for them, one in 2^64."""


class Ledger(NamedTuple):
    """The arrays.

    Attributes:
        table: open addressing, PLACE words each; block 0 where the place is free.
        words: the lists.
        ends: end of the used part of `words`, and how many keys there are.
    """

    table: Ints
    words: Ints
    ends: Ints


@part
def block_of(ledger: Ledger, key: int) -> int:
    """The block of a key, 0 where it has none."""
    return ledger.table[_place(ledger.table, key) + 1]  # type: ignore[no-any-return]


@part
def _place(table: Ints, key: int) -> int:
    places = table.size // PLACE
    slot = (key ^ (key >> 32)) & (places - 1)
    while True:
        at = slot * PLACE
        if table[at + 1] == 0 or table[at] == key:
            return at
        slot = (slot + 1) & (places - 1)


@part
def room_needed(ledger: Ledger, key: int) -> int:
    """Words that `add` may need for this key."""
    block = block_of(ledger, key)
    return HEADER + STRIDE * (2 * ledger.words[block + CAPACITY] if block else FIRST_CAPACITY)


@part
def newest(ledger: Ledger, block: int, otherwise: int) -> int:
    """The latest hour of the block, `otherwise` if that is later or there is none."""
    if block == 0 or ledger.words[block + LENGTH] == 0:
        return otherwise
    last = block + HEADER + STRIDE * (ledger.words[block + LENGTH] - 1)
    return max(ledger.words[last], otherwise)  # type: ignore[no-any-return]


@part
def totals(ledger: Ledger, block: int, after: int, last: int) -> tuple[int, int]:
    """Transactions and amount of the hours after the one, up to the other."""
    if block == 0 or last <= after:
        return 0, 0
    count, units = _until(ledger.words, block, last)
    less_count, less_units = _until(ledger.words, block, after)
    return count - less_count, units - less_units


@part
def _until(words: Ints, block: int, hour: int) -> tuple[int, int]:
    entry = _after(words, block, hour)
    if entry == 0:
        return words[block + GONE_COUNT], words[block + GONE_UNITS]
    at = block + HEADER + STRIDE * (entry - 1)
    return words[at + 1], words[at + 2]


@part
def _after(words: Ints, block: int, hour: int) -> int:
    """How many entries are not after this hour."""
    low, high = 0, words[block + LENGTH]
    while low < high:
        middle = (low + high) // 2
        if words[block + HEADER + STRIDE * middle] <= hour:
            low = middle + 1
        else:
            high = middle
    return low


@part
def add(ledger: Ledger, key: int, hour: int, count: int, units: int, kept: int) -> None:
    """Add to an hour of a key; hours that are `kept` or more before its latest may be dropped."""
    block = block_of(ledger, key)
    if block == 0:
        block = _enter(ledger, key)
    words = ledger.words
    latest = newest(ledger, block, hour)
    if hour <= latest - kept:
        return
    entry = _after(words, block, hour)
    if entry == 0 or words[block + HEADER + STRIDE * (entry - 1)] != hour:
        if words[block + LENGTH] == words[block + CAPACITY]:
            block = _make_room(ledger, key, block, latest - kept)
            entry = _after(words, block, hour)
        _insert(words, block, entry, hour)
        entry += 1
    for at in range(entry - 1, words[block + LENGTH]):
        words[block + HEADER + STRIDE * at + 1] += count
        words[block + HEADER + STRIDE * at + 2] += units


@part
def _enter(ledger: Ledger, key: int) -> int:
    place = _place(ledger.table, key)
    block = _allocate(ledger, FIRST_CAPACITY)
    ledger.table[place], ledger.table[place + 1] = key, block
    ledger.ends[1] += 1
    return block


@part
def _allocate(ledger: Ledger, capacity: int) -> int:
    block = ledger.ends[0]
    ledger.ends[0] += HEADER + STRIDE * capacity
    ledger.words[block + CAPACITY] = capacity
    ledger.words[block + LENGTH] = ledger.words[block + GONE_COUNT] = ledger.words[block + GONE_UNITS] = 0
    return block  # type: ignore[no-any-return]


@part
def _make_room(ledger: Ledger, key: int, block: int, oldest: int) -> int:
    """Drop what is not after `oldest`; where more than half is still kept, move to a larger block."""
    words = ledger.words
    gone = _after(words, block, oldest)
    count = words[block + LENGTH] - gone
    target = block
    if 2 * count > words[block + CAPACITY]:
        target = _allocate(ledger, 2 * words[block + CAPACITY])
        ledger.table[_place(ledger.table, key) + 1] = target
    words[target + GONE_COUNT], words[target + GONE_UNITS] = _until(words, block, oldest)
    for word in range(STRIDE * count):
        words[target + HEADER + word] = words[block + HEADER + STRIDE * gone + word]
    words[target + LENGTH] = count
    return target


@part
def _insert(words: Ints, block: int, entry: int, hour: int) -> None:
    """A new hour, which so far has added nothing to the running totals."""
    at = block + HEADER + STRIDE * entry
    for word in range(block + HEADER + STRIDE * words[block + LENGTH] - 1, at - 1, -1):
        words[word + STRIDE] = words[word]
    before = at - STRIDE + 1 if entry else block + GONE_COUNT
    words[at], words[at + 1], words[at + 2] = hour, words[before], words[before + 1]
    words[block + LENGTH] += 1


@kernel
def add_all(ledger: Ledger, keys: Ints, hours: Ints, counts: Ints, units: Ints, first: int, kept: int) -> int:
    """Add entries from `first` on; gives that at which the ledger needs room, or their number."""
    for row in range(first, keys.size):
        if ledger.words.size - ledger.ends[0] < room_needed(ledger, keys[row]):
            return row
        add(ledger, keys[row], hours[row], counts[row], units[row], kept)
    return keys.size


@kernel
def moved(table: Ints, words: Ints, new_table: Ints, new_words: Ints) -> int:
    """Copy all lists without the room that moved ones left behind; gives the end of the used part."""
    end = 1
    for at in range(0, table.size, PLACE):
        block = table[at + 1]
        if block:
            size = HEADER + STRIDE * words[block + CAPACITY]
            new_words[end : end + size] = words[block : block + size]
            place = _place(new_table, table[at])
            new_table[place], new_table[place + 1] = table[at], end
            end += size
    return end


def empty_ledger() -> Ledger:
    """A ledger without keys; word 0 stays unused, as block 0 means none."""
    table = np.zeros(64 * PLACE, dtype=np.int64)
    return Ledger(table, np.zeros(1024, dtype=np.int64), np.array([1, 0], dtype=np.int64))


def with_room(ledger: Ledger, keys: int, words: int) -> Ledger:
    """The ledger, or a copy with room for so many more keys and words."""
    places, known = ledger.table.size // PLACE, int(ledger.ends[1])
    while 3 * (known + keys) > 2 * places:
        places *= 2
    if places * PLACE == ledger.table.size and ledger.words.size - ledger.ends[0] >= words:
        return ledger
    table = np.zeros(places * PLACE, dtype=np.int64)
    larger = np.zeros(int(ledger.ends[0]) * 5 // 4 + words + 1024, dtype=np.int64)
    end = moved(ledger.table, ledger.words, table, larger)
    return Ledger(table, larger, np.array([end, known], dtype=np.int64))
