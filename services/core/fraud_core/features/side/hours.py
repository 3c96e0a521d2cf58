"""How many transactions each merchant had in each hour, and for how much: sums over any span of hours.

A key has a list of the hours in which something happened, sorted, each with the running totals up to its
end, so that the sum over a span is a difference of two entries. All lists stand in one array of words:

    capacity, length, transactions and amount of the hours that were dropped, then three words an hour.

Hours that are too old to be asked for are dropped. Too old is what is long before the key's present, and that
is no single hour's to say, or one transaction whose time is wrong and far ahead would drop all that happens:
the latest hours of a list, eight and an eighth of all, do not count for it. A list is bounded all the same.

A key whose hours nobody will ask for any more is let go of when room is made: else names that nobody uses
would be kept for ever. Which hours these are the slowest partition says.
"""

from typing import NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel, part

CAPACITY, LENGTH, GONE_COUNT, GONE_UNITS = range(4)
HEADER = 4
STRIDE = 3
FIRST_CAPACITY = 1  # many a name is met once
UNSURE, SHARE = 8, 8
"""The present is the latest hour before the last so many, and before one in so many."""
PLACE = 2  # words of a place of the table: key and block
PLACES = 64  # at least
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
    return ledger.table[place_of(ledger.table, key) + 1]  # type: ignore[no-any-return]


@part
def place_of(table: Ints, key: int) -> int:
    """Where the key is in a table of places, or the free place where to enter it."""
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
    """Add to an hour of a key, or take away; hours that are `kept` or more before its present are dropped."""
    block = block_of(ledger, key)
    if block == 0:
        if count < 0:
            return  # it was let go of
        block = _enter(ledger, key)
    words = ledger.words
    entry = _after(words, block, hour)
    new = entry == 0 or words[block + HEADER + STRIDE * (entry - 1)] != hour
    if new and count < 0:
        return  # it was dropped
    if new:
        if words[block + LENGTH] == words[block + CAPACITY]:
            block = _larger(ledger, key, block)
        _insert(words, block, entry, hour)
        entry += 1
    for at in range(entry - 1, words[block + LENGTH]):
        words[block + HEADER + STRIDE * at + 1] += count
        words[block + HEADER + STRIDE * at + 2] += units
    if new:
        _drop(words, block, _too_old(words, block, kept))
    elif count < 0 and words[block + HEADER + STRIDE * (entry - 1) + 1] == _count_before(words, block, entry):
        _remove(words, block, entry)


@part
def _too_old(words: Ints, block: int, kept: int) -> int:
    """How many entries are to be dropped."""
    first, gone = block + HEADER, 0
    while True:
        count = words[block + LENGTH] - gone
        before = count - UNSURE - count // SHARE
        if before <= 0:
            return gone
        present = words[first + STRIDE * (gone + before - 1)]
        if words[first + STRIDE * gone] > present - kept:
            return gone
        gone += 1


@part
def _drop(words: Ints, block: int, gone: int) -> None:
    """Drop the first entries."""
    if gone == 0:
        return
    last = block + HEADER + STRIDE * (gone - 1)
    words[block + GONE_COUNT], words[block + GONE_UNITS] = words[last + 1], words[last + 2]
    _close(words, block, 0, gone)


@part
def _remove(words: Ints, block: int, entry: int) -> None:
    """Take out an entry, counted from one, to which all that was added has been taken away."""
    _close(words, block, entry - 1, 1)


@part
def _close(words: Ints, block: int, first: int, gone: int) -> None:
    """Let later entries take the places of some."""
    begin, end = block + HEADER + STRIDE * first, block + HEADER + STRIDE * words[block + LENGTH]
    for word in range(begin, end - STRIDE * gone):
        words[word] = words[word + STRIDE * gone]
    words[block + LENGTH] -= gone


@part
def _count_before(words: Ints, block: int, entry: int) -> int:
    """Transactions up to the entry before this one, counted from one."""
    if entry == 1:
        return words[block + GONE_COUNT]  # type: ignore[no-any-return]
    return words[block + HEADER + STRIDE * (entry - 2) + 1]  # type: ignore[no-any-return]


@part
def _enter(ledger: Ledger, key: int) -> int:
    place = place_of(ledger.table, key)
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
def _larger(ledger: Ledger, key: int, block: int) -> int:
    """Move a list to a block of twice the size."""
    words = ledger.words
    larger = _allocate(ledger, 2 * words[block + CAPACITY])
    ledger.table[place_of(ledger.table, key) + 1] = larger
    for word in range(LENGTH, HEADER + STRIDE * words[block + LENGTH]):
        words[larger + word] = words[block + word]
    return larger


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
def agreed_hour(ledger: Ledger, key: int) -> int:
    """The present of a key, -1 where there is none."""
    block = block_of(ledger, key)
    count = ledger.words[block + LENGTH] if block else 0
    before = count - UNSURE - count // SHARE
    return ledger.words[block + HEADER + STRIDE * (before - 1)] if before > 0 else -1


@part
def _is_past(words: Ints, block: int, oldest: int) -> bool:
    """Whether a list has no hour that is later than this one."""
    last = block + HEADER + STRIDE * (words[block + LENGTH] - 1)
    return words[block + LENGTH] == 0 or words[last] <= oldest  # type: ignore[no-any-return]


@kernel
def present(table: Ints, words: Ints, oldest: int) -> tuple[int, int]:
    """How many keys have hours that are later than this one, and how many words their lists take."""
    keys, size = 0, 0
    for at in range(0, table.size, PLACE):
        block = table[at + 1]
        if block and not _is_past(words, block, oldest):
            keys += 1
            size += HEADER + STRIDE * words[block + CAPACITY]
    return keys, size


@kernel
def moved(table: Ints, words: Ints, new_table: Ints, new_words: Ints, oldest: int) -> int:
    """Copy the lists of these keys, without the room between; gives the end of the used part."""
    end = 1
    for at in range(0, table.size, PLACE):
        block = table[at + 1]
        if block and not _is_past(words, block, oldest):
            size = HEADER + STRIDE * words[block + CAPACITY]
            for word in range(size):
                new_words[end + word] = words[block + word]
            place = place_of(new_table, table[at])
            new_table[place], new_table[place + 1] = table[at], end
            end += size
    return end


def room_for(kept: int) -> int:
    """Words that `add` may need at most: all but the latest hours of a list are among those kept."""
    return HEADER + STRIDE * 5 * (kept + UNSURE)


def empty_ledger() -> Ledger:
    """A ledger without keys; word 0 stays unused, as block 0 means none."""
    table = np.zeros(PLACES * PLACE, dtype=np.int64)
    return Ledger(table, np.zeros(1024, dtype=np.int64), np.array([1, 0], dtype=np.int64))


def has_room(ledger: Ledger, keys: int, words: int) -> bool:
    """Whether so many more keys and words have room."""
    places = ledger.table.size // PLACE
    return 3 * (int(ledger.ends[1]) + keys) <= 2 * places and ledger.words.size - int(ledger.ends[0]) >= words


def with_room(ledger: Ledger, keys: int, words: int, oldest: int) -> Ledger:
    """A copy with room for so many more keys and words, of keys that have a later hour than `oldest`."""
    left, used = present(ledger.table, ledger.words, oldest)
    places = PLACES
    while 2 * (left + keys) > places:  # not as full as may be, or the next few keys would want room again
        places *= 2
    table = np.zeros(places * PLACE, dtype=np.int64)
    larger = np.zeros(used * 5 // 4 + words + 1024, dtype=np.int64)
    end = moved(ledger.table, ledger.words, table, larger, oldest)
    return Ledger(table, larger, np.array([end, left], dtype=np.int64))
