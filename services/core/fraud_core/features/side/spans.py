"""Which transactions are known to be frauds, and from when to when: a verdict may be taken back.

Labels are kept for longer than anybody asks for them, so neither a question nor a new label may cost what all
of them do. Spans stand in a few sorted arrays, each much longer than the next: what is new goes into the
shortest, and two become one as their lengths come near each other. A question looks up where its key and time
begin.
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
LONGER = 8
"""So many times as long as the next is each."""


class Spans:
    """Spans by key and time.

    Attributes:
        arrays: shape (COLUMNS, spans) each, sorted by key and time, the longest first. What was taken out
            may still stand there as a span that is known until it begins.
        followers: told of spans that went, with the sign -1, and of those that came, with 1.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.arrays: list[Ints] = [np.zeros((COLUMNS, 0), dtype=np.int64)]
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

    def _take_out(self, removed: Ints) -> None:
        for array in self.arrays:
            found = np.zeros(removed.shape[1], dtype=np.int64)
            take_out(array, removed, found)
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
def take_out(array: Ints, removed: Ints, found: Ints) -> None:
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
    for array in spans.arrays:
        add_known(array, keys, times, delay, windows, hour, horizon, counts, earliest, latest)
    return counts, earliest, latest


@kernel
def add_known(
    array: Ints,
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
        at = _place(array, keys[row], (pane - horizon + 1) * hour)
        while at < array.shape[1] and array[KEY, at] == keys[row] and array[TIME, at] < now:
            if array[KNOWN_FROM, at] <= now < array[KNOWN_UNTIL, at]:
                time = array[TIME, at]
                earliest[row] = time if earliest[row] < 0 else min(earliest[row], time)
                latest[row] = max(latest[row], time)
                for window in range(windows.size):
                    counts[window, row] += pane - delay - windows[window] < time // hour <= pane - delay
            at += 1


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
