"""Which transactions are known to be frauds, and from when to when: a verdict may be taken back."""

from typing import Final, Literal, NamedTuple

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel

ALWAYS = np.iinfo(np.int64).max
COLUMNS = 4
SIDES: Final[tuple[Literal["left"], Literal["right"]]] = ("left", "right")


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
    """Spans by key; `columns` has their fields, shape (4, spans), sorted by key."""

    def __init__(self) -> None:
        """Begin without any."""
        self.columns: Ints = np.zeros((COLUMNS, 0), dtype=np.int64)
        self.version = 0

    def change(self, removed: list[Span], added: list[Span]) -> None:
        """Take spans out, and others in."""
        if removed:
            self._remove(removed)
        if added:
            new = np.array(sorted(added), dtype=np.int64).T
            places = np.searchsorted(self.columns[0], new[0], side="right")
            self.columns = np.ascontiguousarray(np.insert(self.columns, places, new, axis=1))
        self.version += bool(removed or added)

    def _remove(self, removed: list[Span]) -> None:
        out = []
        for span in removed:
            begin, end = (int(np.searchsorted(self.columns[0], span.key, side=side)) for side in SIDES)
            same = (np.array(span) == self.columns[:, begin:end].T).all(axis=1)
            out.append(begin + int(np.flatnonzero(same)[0]))
        self.columns = np.ascontiguousarray(np.delete(self.columns, out, axis=1))


@kernel
def known_frauds(
    columns: Ints, keys: Ints, times: Ints, delay: int, windows: Ints, hour: int, horizon: int
) -> tuple[Ints, Ints, Ints]:
    """For each row the frauds in windows of hours that end `delay` hours ago, and earliest and latest time.

    These two are looked for in `horizon` hours up to the row's own; -1 where there is none.
    """
    counts = np.zeros((windows.size, keys.size), dtype=np.int64)
    earliest, latest = np.full(keys.size, -1, dtype=np.int64), np.full(keys.size, -1, dtype=np.int64)
    for row in range(keys.size):
        now, pane = times[row], times[row] // hour
        at = np.searchsorted(columns[0], keys[row])
        while keys[row] != 0 and at < columns.shape[1] and columns[0, at] == keys[row]:
            time = columns[1, at]
            if columns[2, at] <= now < columns[3, at] and time <= now and time // hour > pane - horizon:
                earliest[row] = time if earliest[row] < 0 else min(earliest[row], time)
                latest[row] = max(latest[row], time)
                for window in range(windows.size):
                    counts[window, row] += pane - delay - windows[window] < time // hour <= pane - delay
            at += 1
    return counts, earliest, latest


def fleet_frauds(columns: Ints, hours: Ints, delay: int, windows: Ints, hour: int) -> Ints:
    """For each hour the frauds of all keys in the windows, as known when the hour began."""
    known = np.zeros((windows.size, hours.size), dtype=np.int64)
    panes = columns[1] // hour
    for place, now in enumerate(hours.tolist()):
        live = panes[(columns[2] <= now * hour) & (now * hour < columns[3]) & (panes <= now - delay)]
        known[:, place] = [(live > now - delay - window).sum() for window in windows]
    return known
