"""The table that finds a user's block: open addressing on two 64-bit hashes, at most two thirds full.

A user's place is found by the upper bits of the hash, which also name the user's chunk: so the users of a
chunk stand side by side, and a snapshot reads one stretch of the table.
"""

import numpy as np

from fraud_core.features.layout import ENTRY, UNBORN, Ints
from fraud_core.kernels import array_kernel, kernel, part

LEAST_PLACES = 64
CHUNKS = 256
"""Into so many parts the users of a partition fall; a snapshot writes one at a time. A power of two that
snapshots depend on."""
UPPER = 32
UPPER_BITS = (1 << UPPER) - 1
CHUNK_SHIFT = 64 - CHUNKS.bit_length() + 1


def empty_table(places: int = LEAST_PLACES) -> Ints:
    """A table of so many places, a power of two."""
    return np.zeros(places * ENTRY, dtype=np.int64)


def table_for(table: Ints, users: int) -> Ints:
    """The table, or a larger copy if so many users would fill more than two thirds of it."""
    places = table.size // ENTRY
    while 3 * users > 2 * places:
        places *= 2
    if places * ENTRY == table.size:
        return table
    larger = empty_table(places)
    copy_users(table, larger)
    return larger


@kernel
def copy_users(table: Ints, larger: Ints) -> None:
    """Enter all users of the one table into the other, which is empty and has room for them."""
    for at in range(0, table.size, ENTRY):
        if table[at + 2]:
            place = place_of(larger, table[at], table[at + 1])
            larger[place], larger[place + 1], larger[place + 2] = table[at], table[at + 1], table[at + 2]


@kernel
def find_users(table: Ints, keys: Ints, second_keys: Ints, refs: Ints) -> int:
    """Write for each row the index of its user's block in the table; gives how many users are new.

    New users are entered, without a block.
    """
    new = 0
    for row in range(keys.size):
        place = place_of(table, keys[row], second_keys[row])
        if table[place + 2] == 0:
            table[place], table[place + 1], table[place + 2] = keys[row], second_keys[row], UNBORN
            new += 1
        refs[row] = place + 2
    return new


@array_kernel
def users_of(table: Ints, chunk: int) -> Ints:
    """For each user of the chunk who has a block, the index of it in the table."""
    places = table.size // ENTRY
    count = _users_of(table, places, chunk, np.empty(0, dtype=np.int64))
    refs = np.empty(count, dtype=np.int64)
    _users_of(table, places, chunk, refs)
    return refs


@part
def _users_of(table: Ints, places: int, chunk: int, refs: Ints) -> int:
    """Write as many as there is room for; gives how many there are.

    The chunk's own places come first, then those that its users were pushed on to, up to the first free one.
    """
    first, last = (chunk * places) // CHUNKS, ((chunk + 1) * places - 1) // CHUNKS
    count = 0
    for slot in range(first, first + places):
        at = (slot & (places - 1)) * ENTRY
        if table[at + 2] == 0 and slot > last:
            break
        if table[at + 2] > 0 and chunk_of(table[at]) == chunk:
            if count < refs.size:
                refs[count] = at + 2
            count += 1
    return count


@part
def chunk_of(key: int) -> int:
    """The chunk of a user, by the first of the user's two hashes."""
    return (key >> CHUNK_SHIFT) & (CHUNKS - 1)


@part
def place_of(table: Ints, key: int, second_key: int) -> int:
    """Where the user is in the table, or the free place where to enter the user."""
    places = table.size // ENTRY
    slot = (((key >> UPPER) & UPPER_BITS) * places) >> UPPER
    while True:
        at = slot * ENTRY
        if table[at + 2] == 0 or (table[at] == key and table[at + 1] == second_key):
            return at
        slot = (slot + 1) & (places - 1)
