"""Which transactions are known to be frauds, and from when to when: a verdict may be taken back.

Labels are kept for longer than anybody asks for them, so neither a question nor a new label may cost what all
of them do. Spans stand in a few sorted arrays, each much longer than the next: what is new goes into the
shortest, and two become one as their lengths come near each other. A question looks up where its key and time
begin, and counts in blocks where all is known: of a large merchant there may be a hundred thousand frauds.
"""

from collections.abc import Callable

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel, part

ALWAYS = np.iinfo(np.int64).max
EVERYBODY = 1
"""The key where spans are asked for by time alone."""
KEY, TIME, KNOWN_FROM, KNOWN_UNTIL, COLUMNS = range(5)
"""Of a span: hash of the merchant, user or category; when the transaction happened; from when it is known to
be a fraud, and before when. All times are in ms."""
SHORTEST = 1024
"""An array is not kept apart from a shorter one before it has so many spans."""
BLOCK = 128
"""So many neighbours have a summary: from when on all are known, and before when."""
ALL_FROM, ALL_UNTIL = range(2)
LONGER = 8
"""So many times as long as the next is each."""


class Spans:
    """Spans by key and time.

    Attributes:
        arrays: shape (COLUMNS, spans) each, sorted by key and time, the longest first. What was taken out
            may still stand there as a span that is known until it begins.
        blocks: shape (2, blocks) for each array, the summaries.
        followers: told of spans that went, with the sign -1, and of those that came, with 1.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.arrays: list[Ints] = [np.zeros((COLUMNS, 0), dtype=np.int64)]
        self.blocks: list[Ints] = [_summed_up(self.arrays[0])]
        self.followers: list[Callable[[Ints, int], None]] = []

    def change(self, removed: Ints, added: Ints) -> None:
        """Take spans out, and others in; shape (COLUMNS, spans) both, in any order."""
        if removed.shape[1]:
            self._take_out(_sorted(removed))
        if added.shape[1]:
            self.arrays.append(_sorted(added))
            self._tell(self.arrays[-1], 1)
        while len(self.arrays) > 1 and _near(*self.arrays[-2:]):
            shorter = self.arrays.pop()
            self.arrays[-1] = _merged(self.arrays[-1], shorter)
            del self.blocks[len(self.arrays) - 1 :]
        self.blocks += [_summed_up(array) for array in self.arrays[len(self.blocks) :]]

    def _take_out(self, removed: Ints) -> None:
        for array, blocks in zip(self.arrays, self.blocks, strict=True):
            found = np.zeros(removed.shape[1], dtype=np.int64)
            take_out(array, blocks, removed, found)
            self._tell(np.ascontiguousarray(removed[:, found == 1]), -1)
            removed = np.ascontiguousarray(removed[:, found == 0])

    def _tell(self, spans: Ints, sign: int) -> None:
        if spans.shape[1]:
            for follow in self.followers:
                follow(spans, sign)


def _near(longer: Ints, shorter: Ints) -> bool:
    return int(longer.shape[1]) < max(SHORTEST, LONGER * int(shorter.shape[1]))


def _sorted(spans: Ints) -> Ints:
    """The same by key and time."""
    return np.ascontiguousarray(spans[:, np.lexsort((spans[TIME], spans[KEY]))])


def _merged(one: Ints, other: Ints) -> Ints:
    """Those of both that are known at any time."""
    both = np.empty((COLUMNS, one.shape[1] + other.shape[1]), dtype=np.int64)
    return np.ascontiguousarray(both[:, : merge(one, other, both)])


def _summed_up(array: Ints) -> Ints:
    blocks = np.arange(0, array.shape[1], BLOCK)
    if not blocks.size:
        return np.zeros((2, 0), dtype=np.int64)
    froms, untils = array[KNOWN_FROM], array[KNOWN_UNTIL]
    return np.stack([np.maximum.reduceat(froms, blocks), np.minimum.reduceat(untils, blocks)])


@kernel
def merge(one: Ints, other: Ints, both: Ints) -> int:
    """Write those of both arrays that are known at any time, by key and time; gives how many they are."""
    at, of_other, count = 0, 0, 0
    while at < one.shape[1] or of_other < other.shape[1]:
        if of_other == other.shape[1] or (
            at < one.shape[1]
            and (one[KEY, at], one[TIME, at]) <= (other[KEY, of_other], other[TIME, of_other])
        ):
            count = _copied(one, at, both, count)
            at += 1
        else:
            count = _copied(other, of_other, both, count)
            of_other += 1
    return count


@part
def _copied(array: Ints, at: int, both: Ints, count: int) -> int:
    if array[KNOWN_FROM, at] >= array[KNOWN_UNTIL, at]:
        return count
    for column in range(COLUMNS):
        both[column, count] = array[column, at]
    return count + 1


@kernel
def take_out(array: Ints, blocks: Ints, removed: Ints, found: Ints) -> None:
    """Let spans be known no more, each one that is like it; writes 1 where there was one."""
    for one in range(removed.shape[1]):
        key, time = removed[KEY, one], removed[TIME, one]
        at = _place(array, key, time)
        while found[one] == 0 and at < array.shape[1] and array[KEY, at] == key and array[TIME, at] == time:
            if (array[KNOWN_FROM, at], array[KNOWN_UNTIL, at]) == (
                removed[KNOWN_FROM, one],
                removed[KNOWN_UNTIL, one],
            ):
                array[KNOWN_UNTIL, at] = array[KNOWN_FROM, at]
                blocks[ALL_UNTIL, at // BLOCK] = min(blocks[ALL_UNTIL, at // BLOCK], array[KNOWN_FROM, at])
                found[one] = 1
            at += 1


def known_frauds(
    spans: Spans, keys: Ints, times: Ints, delay: int, windows: Ints, hour: int, horizon: int
) -> tuple[Ints, Ints, Ints]:
    """For each row the frauds in windows of hours that end `delay` hours ago, and earliest and latest time.

    These two are looked for in `horizon` hours up to the row's own, in which all windows lie; -1 where there
    is none. All of them happened before the row: what is known at its own moment may be its own label.
    """
    counts = np.zeros((windows.size, keys.size), dtype=np.int64)
    earliest, latest = np.full(keys.size, -1, dtype=np.int64), np.full(keys.size, -1, dtype=np.int64)
    for array, blocks in zip(spans.arrays, spans.blocks, strict=True):
        add_known(array, blocks, keys, times, delay, windows, hour, horizon, counts, earliest, latest)
    return counts, earliest, latest


@kernel
def add_known(
    array: Ints,
    blocks: Ints,
    keys: Ints,
    times: Ints,
    delay: int,
    windows: Ints,
    hour: int,
    horizon: int,
    counts: Ints,
    earliest: Ints,
    latest: Ints,
) -> None:
    """Add what one array knows."""
    for row in range(keys.size):
        if keys[row] == 0:
            continue
        now, pane = times[row], times[row] // hour
        last = pane - delay
        at, end = _place(array, keys[row], (pane - horizon + 1) * hour), _place(array, keys[row], now)
        while at < end:
            if _is_alike(array, blocks, at, end, now, last, windows, hour):
                earliest[row] = array[TIME, at] if earliest[row] < 0 else min(earliest[row], array[TIME, at])
                latest[row] = max(latest[row], array[TIME, at + BLOCK - 1])
                for window in range(windows.size):
                    counts[window, row] += BLOCK * _is_in(array[TIME, at] // hour, last, windows[window])
                at += BLOCK
                continue
            if array[KNOWN_FROM, at] <= now < array[KNOWN_UNTIL, at]:
                time = array[TIME, at]
                earliest[row] = time if earliest[row] < 0 else min(earliest[row], time)
                latest[row] = max(latest[row], time)
                for window in range(windows.size):
                    counts[window, row] += _is_in(time // hour, last, windows[window])
            at += 1


@part
def _is_in(pane: int, last: int, window: int) -> bool:
    return last - window < pane <= last


@part
def _is_alike(
    array: Ints, blocks: Ints, at: int, end: int, now: int, last: int, windows: Ints, hour: int
) -> bool:
    """Whether a block begins here that is asked for, all of it known, and all in the same windows."""
    block = at // BLOCK
    if at % BLOCK or at + BLOCK > end or not blocks[ALL_FROM, block] <= now < blocks[ALL_UNTIL, block]:
        return False
    first_pane, last_pane = array[TIME, at] // hour, array[TIME, at + BLOCK - 1] // hour
    parted = first_pane <= last < last_pane
    for window in range(windows.size):
        parted |= first_pane <= last - windows[window] < last_pane
    return not parted


@kernel
def add_known_by_hour(
    array: Ints, keys: Ints, hours: Ints, delay: int, windows: Ints, hour: int, known: Ints, sign: int
) -> None:
    """Add what one array knows of the key as each hour begins, or take it away where the sign is -1.

    The longest window is the last.
    """
    for place in range(hours.size):
        if keys[place] == 0:
            continue
        now, last = hours[place] * hour, hours[place] - delay
        at, end = _place(array, keys[place], (last - windows[windows.size - 1] + 1) * hour), array.shape[1]
        while at < end and array[KEY, at] == keys[place] and array[TIME, at] // hour <= last:
            if array[KNOWN_FROM, at] <= now < array[KNOWN_UNTIL, at]:
                for window in range(windows.size):
                    if array[TIME, at] // hour > last - windows[window]:
                        known[window, place] += sign
            at += 1


@part
def _place(array: Ints, key: int, time: int) -> int:
    """Where spans of this key that are no earlier begin."""
    low, high = 0, array.shape[1]
    while low < high:
        middle = (low + high) // 2
        if array[KEY, middle] < key or (array[KEY, middle] == key and array[TIME, middle] < time):
            low = middle + 1
        else:
            high = middle
    return low
