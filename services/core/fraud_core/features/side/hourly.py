"""How many frauds were known as an hour began: counted once, and then kept up with what becomes known.

All that is known of a month may be a million frauds. Whoever asks for them a batch at a time asks for the
same few hours again and again, and between two batches few labels come.
"""

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.features.side.spans import EVERYBODY, Spans, add_known_by_hour

MOST = 4096
"""Counts that are kept: what is new costs a look at each of them."""


class ByHour:
    """Known frauds in windows of hours, by key and hour."""

    def __init__(self, spans: Spans, delay: int, windows: Ints, hour: int) -> None:
        """Windows end `delay` hours ago, and the longest is the last; an `hour` has so many ms."""
        self._spans, self._delay, self._windows, self._hour = spans, delay, windows, hour
        self._places: dict[tuple[int, int], int] = {}
        self._keys: Ints = np.zeros(0, dtype=np.int64)
        self._hours: Ints = np.zeros(0, dtype=np.int64)
        self._known: Ints = np.zeros((windows.size, 0), dtype=np.int64)
        spans.followers.append(self.follow)

    def counts(self, keys: Ints, hours: Ints) -> Ints:
        """For each pair of key and hour the frauds in each window; shape (windows, pairs)."""
        pairs = list(zip(keys.tolist(), hours.tolist(), strict=True))
        if any(pair not in self._places for pair in pairs):
            self._count(pairs)
        return self._known[:, [self._places[pair] for pair in pairs]]

    def of_everybody(self, hours: Ints) -> Ints:
        """For each hour the frauds of all together in each window; shape (windows, hours)."""
        return self.counts(np.full_like(hours, EVERYBODY), hours)

    def follow(self, spans: Ints, sign: int) -> None:
        """Spans came, or with the sign -1 went; sorted as in `Spans`."""
        self._add(spans, self._keys, self._hours, self._known, sign)

    def _count(self, pairs: list[tuple[int, int]]) -> None:
        if len(self._places) + len(pairs) > MOST:
            self._forget()
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._places]
        keys, hours = np.ascontiguousarray(np.array(new, dtype=np.int64).T)
        known = np.zeros((self._windows.size, len(new)), dtype=np.int64)
        for spans in self._spans.arrays:
            self._add(spans, keys, hours, known, 1)
        self._places |= {pair: place for place, pair in enumerate(new, len(self._places))}
        self._keys, self._hours = np.append(self._keys, keys), np.append(self._hours, hours)
        self._known = np.concatenate([self._known, known], axis=1)

    def _add(self, spans: Ints, keys: Ints, hours: Ints, known: Ints, sign: int) -> None:
        add_known_by_hour(spans, keys, hours, self._delay, self._windows, self._hour, known, sign)

    def _forget(self) -> None:
        self._places.clear()
        self._keys, self._hours, self._known = self._keys[:0], self._hours[:0], self._known[:, :0]
