"""What labels said of each transaction, and what another label changes in when it is known to be a fraud.

Of a transaction there is a list of verdicts. First is the one that became known last, of two at the same
moment the one that came last. All stand in one array of words: the verdict that is earlier, 0 if none is;
when this one became known; whether it says fraud, and where it does, whose that is and when it happened.
"""

from typing import NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import PLACE, place_of
from fraud_core.features.side.spans import ALWAYS
from fraud_core.kernels import kernel, part

MERCHANT, USER, CATEGORY, TIME = range(4)
"""Rows of labels, of changes, and words of a fraud from `HEADER` on."""
TRANSACTION, KNOWN_AT, FRAUD, LABEL = range(4, 8)
"""Further rows of labels, and how many there are."""
KNOWN_FROM, KNOWN_UNTIL, SIGN, CHANGE = range(4, 8)
"""Further rows of changes, and how many there are; the sign is -1 where something is known no more."""
EARLIER, SINCE, IS_FRAUD, HEADER = range(4)
LARGEST = HEADER + TIME + 1
MOST_CHANGES = 3
"""By one label: one span may become two, and there may be one of its own."""


class Verdicts(NamedTuple):
    """The arrays.

    Attributes:
        table: open addressing, PLACE words each: hash of the transaction and its last verdict; 0 where free.
        words: the verdicts; word 0 stays unused.
        ends: end of the used part of `words`, and how many transactions there are.
    """

    table: Ints
    words: Ints
    ends: Ints


def empty_verdicts() -> Verdicts:
    """No verdicts yet."""
    table, words = np.zeros(64 * PLACE, dtype=np.int64), np.zeros(1024, dtype=np.int64)
    return Verdicts(table, words, np.array([1, 0], dtype=np.int64))


def with_room(verdicts: Verdicts, labels: int) -> Verdicts:
    """The verdicts, or a copy with room for so many labels more."""
    table, words, ends = verdicts
    places = table.size // PLACE
    while 3 * (int(ends[1]) + labels) > 2 * places:
        places *= 2
    if places * PLACE > table.size:
        table = np.zeros(places * PLACE, dtype=np.int64)
        enter_all(verdicts.table, table)
    if words.size - ends[0] < labels * LARGEST:
        more = labels * LARGEST + words.size // 4
        words = np.concatenate([words, np.zeros(more, dtype=np.int64)])
    return Verdicts(table, words, ends)


@kernel
def enter_all(table: Ints, larger: Ints) -> None:
    """Enter all transactions of the one table into the other, which is empty and has room for them."""
    for at in range(0, table.size, PLACE):
        if table[at + 1]:
            place = place_of(larger, table[at])
            larger[place], larger[place + 1] = table[at], table[at + 1]


@kernel
def judge(verdicts: Verdicts, labels: Ints, changes: Ints) -> int:
    """Take in labels in the order in which they came; writes what that changes, and gives how much it is."""
    count, words = 0, verdicts.words
    for row in range(labels.shape[1]):
        known_at = labels[KNOWN_AT, row]
        place = place_of(verdicts.table, labels[TRANSACTION, row])
        later, earlier = 0, verdicts.table[place + 1]
        while earlier and words[earlier + SINCE] > known_at:
            later, earlier = earlier, words[earlier + EARLIER]
        until = words[later + SINCE] if later else ALWAYS
        new = _allocate(verdicts, labels, row)
        words[new + EARLIER] = earlier
        if later:
            words[later + EARLIER] = new
        else:
            verdicts.ends[1] += verdicts.table[place + 1] == 0
            verdicts.table[place], verdicts.table[place + 1] = labels[TRANSACTION, row], new
        if earlier:
            count = _note(words, earlier, until, -1, changes, count)
            count = _note(words, earlier, known_at, 1, changes, count)
        count = _note(words, new, until, 1, changes, count)
    return count


@part
def _allocate(verdicts: Verdicts, labels: Ints, row: int) -> int:
    new, words = verdicts.ends[0], verdicts.words
    words[new + SINCE], words[new + IS_FRAUD] = labels[KNOWN_AT, row], labels[FRAUD, row]
    verdicts.ends[0] += HEADER
    if labels[FRAUD, row]:
        for word in range(TIME + 1):
            words[new + HEADER + word] = labels[word, row]
        verdicts.ends[0] += TIME + 1
    return new  # type: ignore[no-any-return]


@part
def _note(words: Ints, verdict: int, until: int, sign: int, changes: Ints, count: int) -> int:
    """Write that a verdict is in force until then, if it says fraud and ever is; gives the new count."""
    if not words[verdict + IS_FRAUD] or words[verdict + SINCE] >= until:
        return count
    for word in range(TIME + 1):
        changes[word, count] = words[verdict + HEADER + word]
    changes[KNOWN_FROM, count], changes[KNOWN_UNTIL, count] = words[verdict + SINCE], until
    changes[SIGN, count] = sign
    return count + 1
