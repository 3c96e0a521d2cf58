"""Which transactions are known to be frauds, and from when to when: a verdict may be taken back.

Labels are kept for longer than anybody asks for them, so neither a question nor a new label may cost what all
of them do. Spans stand in a few sorted arrays, each much longer than the next: what is new goes into the
shortest, and two become one as their lengths come near each other. A question looks up where its key and time
begin.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel, part

ALWAYS = np.iinfo(np.int64).max
EVERYBODY = 1
"""The key where spans are asked for by time alone."""
KEY, TIME, KNOWN_FROM, KNOWN_UNTIL, COLUMNS = range(5)
SIDES: Final[tuple[Literal["left"], Literal["right"]]] = ("left", "right")
SHORTEST = 1024
"""An array is not kept apart from a shorter one before it has so many spans."""
LONGER = 8
"""So many times as long as the next is each."""


class Span(NamedTuple):
    """A transaction is known to be a fraud from one moment to before another; all times in ms.

    Attributes:
        key: hash of the merchant or user.
        time: of the transaction.
    """

    key: int
    time: int
    known_from: int
    known_until: int


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

    def change(self, removed: list[Span], added: list[Span]) -> None:
        """Take spans out, and others in."""
        self._tell([span for span in removed if any(_take_out(array, span) for array in self.arrays)], -1)
        if added:
            self.arrays.append(self._tell(added, 1))
        while len(self.arrays) > 1 and _near(*self.arrays[-2:]):
            shorter = self.arrays.pop()
            self.arrays[-1] = _sorted(np.concatenate([self.arrays[-1], shorter], axis=1))

    def _tell(self, spans: list[Span], sign: int) -> Ints:
        """The same as an array, that the followers know of."""
        array = _sorted(np.array(spans, dtype=np.int64).reshape(len(spans), COLUMNS).T)
        if spans:
            for follow in self.followers:
                follow(array, sign)
        return array


def _near(longer: Ints, shorter: Ints) -> bool:
    return int(longer.shape[1]) < max(SHORTEST, LONGER * int(shorter.shape[1]))


def _sorted(spans: Ints) -> Ints:
    """Those that are known at any time, by key and time."""
    live = spans[:, spans[KNOWN_FROM] < spans[KNOWN_UNTIL]]
    return np.ascontiguousarray(live[:, np.lexsort((live[TIME], live[KEY]))])


def _take_out(array: Ints, span: Span) -> bool:
    """Let one such span be known no more; False where there is none."""
    begin, end = (int(np.searchsorted(array[KEY], span.key, side=side)) for side in SIDES)
    begin += int(np.searchsorted(array[TIME, begin:end], span.time))
    for at in range(begin, end):
        if array[TIME, at] != span.time:
            return False
        if tuple(array[KNOWN_FROM:, at]) == span[KNOWN_FROM:]:
            array[KNOWN_UNTIL, at] = span.known_from
            return True
    return False


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
