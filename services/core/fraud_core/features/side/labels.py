"""What labels say of merchants and users: the latest label of a transaction replaces earlier ones.

Two clocks: `transaction_timestamp` is when it happened, `labelled_at` when it became known. A label is in
force from then until the next one's `labelled_at`; of two at the same moment the one that came last is.
"""

from bisect import insort
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import polars as pl

from fraud_core.features.side.keys import SEED
from fraud_core.features.side.spans import ALWAYS, EVERYBODY, Span, Spans
from fraud_core.features.strings import hashes, text_of

MERCHANT, USER, CATEGORY = range(3)
"""Whose spans are which."""


class Verdict(NamedTuple):
    """One label; verdicts of a transaction sort by when they became known, then by when they came."""

    known_at: int
    number: int
    fraud: bool
    time: int
    merchant: int
    user: int
    category: int


class Labels:
    """All labels that came.

    Attributes:
        merchants: known frauds by hash of the merchant.
        everywhere: the same, by time alone.
        users: the same by hash of the user.
        categories: the same by hash of the merchant's category.
        categorised: those of a category, by time alone.
    """

    def __init__(self) -> None:
        """Begin without labels."""
        self.merchants, self.everywhere, self.users = Spans(), Spans(), Spans()
        self.categories, self.categorised = Spans(), Spans()
        self._verdicts: dict[int, list[Verdict]] = {}
        self._came = 0

    def learn(self, frame: pl.DataFrame) -> None:
        """Take in labels in the order in which they came; columns of `schemas/Label.avsc`."""
        before: dict[int, list[Verdict]] = {}
        for transaction, verdict in self._read(frame):
            verdicts = self._verdicts.setdefault(transaction, [])
            before.setdefault(transaction, verdicts.copy())
            insort(verdicts, verdict)
        removed = [frauds for verdicts in before.values() for frauds in _frauds(verdicts)]
        added = [frauds for transaction in before for frauds in _frauds(self._verdicts[transaction])]
        for which, spans, together in (
            (MERCHANT, self.merchants, self.everywhere),
            (USER, self.users, None),
            (CATEGORY, self.categories, self.categorised),
        ):
            gone, new = _by(removed, which), _by(added, which)
            spans.change(gone, new)
            if together is not None:
                together.change(_of_everybody(gone), _of_everybody(new))

    def _read(self, frame: pl.DataFrame) -> Iterator[tuple[int, Verdict]]:
        columns = (
            _hashed(frame["transaction_id"]),
            _milliseconds(frame["labelled_at"]),
            (frame["label"] == "fraud").to_list(),
            _milliseconds(frame["transaction_timestamp"]),
            _hashed(frame["merchant"]),
            _hashed(frame["user"]),
            _hashed(frame["merchant_category"]),
        )
        for transaction, known_at, fraud, time, *whose in zip(*columns, strict=True):
            self._came += 1
            yield transaction, Verdict(known_at, self._came, fraud, time, *whose)


def _frauds(verdicts: list[Verdict]) -> Iterator[tuple[Span, ...]]:
    """For each time in which a transaction is taken for a fraud its span for each that it is of."""
    ends = chain((later.known_at for later in verdicts[1:]), (ALWAYS,))
    for verdict, end in zip(verdicts, ends, strict=False):
        if verdict.fraud and verdict.known_at < end:
            keys = (verdict.merchant, verdict.user, verdict.category)
            yield tuple(Span(key, verdict.time, verdict.known_at, end) for key in keys)


def _by(frauds: list[tuple[Span, ...]], which: int) -> list[Span]:
    """The spans for merchants, for users or for categories, where these are known."""
    return [spans[which] for spans in frauds if spans[which].key]


def _of_everybody(spans: list[Span]) -> list[Span]:
    return [span._replace(key=EVERYBODY) for span in spans]


def _hashed(column: pl.Series) -> list[int]:
    keys: list[int] = hashes(text_of(column), SEED).tolist()
    return keys


def _milliseconds(column: pl.Series) -> list[int]:
    return column.cast(pl.Datetime("ms")).cast(pl.Int64).to_list()
