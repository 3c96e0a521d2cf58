"""Where things are in a user's block: a header and nine short lists, in one run of 64-bit words.

A block holds all that is known of one user, so that a transaction touches one stretch of memory, and a
snapshot of a user is a copy of it. Header words are event times in ms (-1: never), hashes, degrees (the bits
of a float64), and the lengths and capacities of the lists, seven bits each.

An entry of a list is one to three words. One of them, the stamp, holds a time in its upper 40 bits and in
the lower 24 a count or a set of panes:

========== ============================================== ======================================
list       words                                          the stamp's time and lower bits
========== ============================================== ======================================
MINUTE     stamp                                          pane of 1 s, count
HOUR       stamp, sum                                     pane of 1 min, count
DAY        stamp, sum                                     pane of 1 h, count
MONTH      stamp, sum, sum of squares (a float64's bits)  pane of 1 d, count
DEVICES    hash, stamp, time first seen in ms             second last seen, hours seen
LOCATIONS  hash, stamp                                    second last seen, hours seen
MERCHANTS  hash, stamp                                    second last seen, visits
TEXT       eight bytes of the last location's name        (none)
CATEGORIES hash, stamp, sum                               second last seen, visits
========== ============================================== ======================================

Panes are sorted by time, members of sets by when they came in. Sums are in 1/10,000 of the currency.
Hours seen: bit k is the pane k hours before that of the second last seen.
"""

from typing import Any, NamedTuple, cast

import numpy as np

from fraud_core.kernels import part

Ints = np.ndarray[Any, np.dtype[np.int64]]

LATEST, FIRST, PLACE, PLACE_TIME, TEXT_BYTES, POINT_TIME, LATITUDE, LONGITUDE, LENGTHS, CAPACITIES = range(10)
HEADER = 10
LISTS = 9
# numpy's integers: numba would compile a function once for each Python constant that it is called with.
MINUTE, HOUR, DAY, MONTH, DEVICES, LOCATIONS, MERCHANTS, TEXT, CATEGORIES = cast(
    "list[int]", list(np.arange(LISTS))
)
STRIDES: Ints = np.array((1, 2, 2, 3, 3, 2, 2, 1, 3))
"""Words of an entry of each list; an array, as indexing a tuple is a chain of branches to numba."""
LIMITS: Ints = np.array((60, 60, 24, 30, 16, 16, 64, 8, 24))
"""Most entries of each list: the panes of a window, the members of a set, the words of a text."""
LEAST: Ints = np.array((1, 1, 1, 1, 1, 1, 1, 1, 0))
"""Entries that a list has room for though it is empty: none for what many streams never have."""

LOW_BITS = 24
LOW = (1 << LOW_BITS) - 1
BITS = 7
MOST = (1 << BITS) - 1
"""Of the length and the capacity of a list, which share a word with those of the others."""
ENTRY = 3  # words of the table of users: two hashes and where the block is
NEVER = -1
UNBORN = -1  # a user of the table who has no block yet


class Store(NamedTuple):
    """The arrays of a state.

    Attributes:
        table: open-addressing table of users, ENTRY words each; the last is 0 where the place is free.
        words: the blocks.
        heads: for each size of block, in units of eight words, the first free one, 0 for none; at 0 the end
            of the used part of `words`.
    """

    table: Ints
    words: Ints
    heads: Ints


@part
def length(words: Ints, block: int, which: int) -> int:
    """How many entries the list has."""
    return (words[block + LENGTHS] >> (BITS * which)) & MOST  # type: ignore[no-any-return]


@part
def set_length(words: Ints, block: int, which: int, count: int) -> None:
    """Say how many entries the list has."""
    rest = words[block + LENGTHS] & ~(MOST << (BITS * which))
    words[block + LENGTHS] = rest | (count << (BITS * which))


@part
def start(words: Ints, block: int, which: int) -> int:
    """Index of the list's first word."""
    capacities = words[block + CAPACITIES]
    at = block + HEADER
    for earlier in range(which):
        at += ((capacities >> (BITS * earlier)) & MOST) * STRIDES[earlier]
    return at
