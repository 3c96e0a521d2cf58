"""Bounded sets of what a user was seen with: devices, locations, merchants, categories.

A full set that gets a new member loses the one least recently seen: by event time in whole seconds, of
equals the one that came in first. A late newcomer older than all others is itself the one that goes.
"""

from fraud_core.features.blocks import insert, remove
from fraud_core.features.layout import LIMITS, LOW, LOW_BITS, STRIDES, Ints, Store, length, start
from fraud_core.kernels import part

HOUR_S = 3600
DAY_PANES = 24
NO_ENTRY = -1


@part
def find(words: Ints, block: int, which: int, key: int) -> int:
    """Index of the member's entry, NO_ENTRY if it is none."""
    at, stride = start(words, block, which), STRIDES[which]
    for entry in range(at, at + length(words, block, which) * stride, stride):
        if words[entry] == key:
            return entry
    return NO_ENTRY


@part
def join(store: Store, ref: int, which: int, key: int, stamp: int) -> int:
    """Take in a new member; gives the index of its entry, NO_ENTRY if it is too old for a full set."""
    words, block = store.words, store.table[ref]
    count = length(words, block, which)
    if count == LIMITS[which]:
        oldest = _least_recent(words, block, which)
        at = start(words, block, which) + oldest * STRIDES[which]
        if stamp >> LOW_BITS < words[at + 1] >> LOW_BITS:
            return NO_ENTRY
        remove(words, block, which, oldest, 1)
        count -= 1
    entry = insert(store, ref, which, count)
    words[entry], words[entry + 1] = key, stamp
    return entry


@part
def _least_recent(words: Ints, block: int, which: int) -> int:
    at, stride, oldest = start(words, block, which), STRIDES[which], 0
    for place in range(1, length(words, block, which)):
        if words[at + place * stride + 1] >> LOW_BITS < words[at + oldest * stride + 1] >> LOW_BITS:
            oldest = place
    return oldest


@part
def others(words: Ints, block: int, which: int, key: int, oldest: int, newest: int) -> int:
    """How many members but `key` were seen in the hours from `oldest` to `newest`."""
    at, stride = start(words, block, which), STRIDES[which]
    count = 0
    for entry in range(at, at + length(words, block, which) * stride, stride):
        if words[entry] != key and _seen(words[entry + 1], oldest, newest):
            count += 1
    return count


@part
def _seen(stamp: int, oldest: int, newest: int) -> bool:
    last = (stamp >> LOW_BITS) // HOUR_S
    skipped = max(last - newest, 0)
    wanted = last - skipped - oldest + 1
    if wanted <= 0 or skipped >= DAY_PANES:
        return False
    return ((stamp & LOW) >> skipped) & ((1 << min(wanted, DAY_PANES)) - 1) != 0


@part
def sighted(stamp: int, second: int) -> int:
    """The stamp of a member with hours seen, after one more sighting."""
    last, hours = stamp >> LOW_BITS, stamp & LOW
    ahead = second // HOUR_S - last // HOUR_S
    if ahead >= DAY_PANES:
        hours = 1
    elif ahead >= 0:
        hours = ((hours << ahead) | 1) & LOW
    elif ahead > -DAY_PANES:
        hours |= 1 << -ahead
    return (max(last, second) << LOW_BITS) | hours


@part
def visited(stamp: int, second: int) -> int:
    """The stamp of a member with visits, after one more."""
    visits = min((stamp & LOW) + 1, LOW)
    return (max(stamp >> LOW_BITS, second) << LOW_BITS) | visits
