"""The table that finds a user's block: open addressing on two 64-bit hashes, at most two thirds full."""

import numpy as np

from fraud_core.features.layout import ENTRY, UNBORN, Ints
from fraud_core.kernels import kernel, part

LEAST_PLACES = 64


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
            place = _place(larger, table[at], table[at + 1])
            larger[place], larger[place + 1], larger[place + 2] = table[at], table[at + 1], table[at + 2]


@kernel
def find_users(table: Ints, keys: Ints, second_keys: Ints, refs: Ints) -> int:
    """Write for each row the index of its user's block in the table; gives how many users are new.

    New users are entered, without a block.
    """
    new = 0
    for row in range(keys.size):
        place = _place(table, keys[row], second_keys[row])
        if table[place + 2] == 0:
            table[place], table[place + 1], table[place + 2] = keys[row], second_keys[row], UNBORN
            new += 1
        refs[row] = place + 2
    return new


@part
def _place(table: Ints, key: int, second_key: int) -> int:
    mask = table.size // ENTRY - 1
    slot = key & mask
    while True:
        at = slot * ENTRY
        if table[at + 2] == 0 or (table[at] == key and table[at + 1] == second_key):
            return at
        slot = (slot + 1) & mask
