"""Publishes slices at a pace: all in event-time order, until the end, a count or a stop."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from fraud_producer.ahead import ahead
from fraud_producer.pacing import Pace, Times
from fraud_producer.publisher import Encoded, Publisher
from fraud_producer.slices import Slice

CHUNK = 5_000
SHORTEST_WAIT_S = 0.003
"""At light load rows of this time go together; waking up for each one would only heat the machine."""
LONGEST_WAIT_S = 0.2
"""Failures and a stop are noticed within this time."""


@dataclass(frozen=True)
class Sent:
    """Transactions that were handed over together.

    Attributes:
        transactions: as they went.
        truth: what they are, row by row, columns `fraud_producer.slices.TRUTH_SCHEMA`.
        labels: how many labels went before them.
        produced_at: when, in milliseconds since 1970.
    """

    transactions: pl.DataFrame
    truth: pl.DataFrame
    labels: int
    produced_at: int


OnSent = Callable[[Sent], None]


@dataclass
class _Queue:
    """Rows of one kind that wait for their time; `at` is the next one."""

    records: Encoded
    times: Times
    at: int = 0

    @property
    def waiting(self) -> Times:
        return self.times[self.at :]

    def send(self, publisher: Publisher, count: int, stop: threading.Event) -> int:
        sent = publisher.send(self.records, self.at, self.at + count, stop) if count else 0
        self.at += sent
        return sent


def publish(
    slices: Iterable[Slice],
    publisher: Publisher,
    pace: Pace,
    *,
    stop: threading.Event,
    count: int | None = None,
    on_sent: OnSent = lambda _: None,
) -> None:
    """Publish the slices; labels and logins go before the first transaction that is later.

    Ends with the slices, after `count` transactions, or when `stop` is set; what is handed over by then may
    still be on its way (`Publisher.drain`).

    Raises:
        DeliveryError: the client has met an error that it cannot go on after.
    """
    left = count
    for piece in ahead(slices):
        if stop.is_set() or left == 0:
            return
        piece_rows = piece.transactions.height
        labels = _Queue(publisher.encode_labels(piece.labels), _times(piece.labels, "labelled_at"))
        logins = _logins(piece, publisher)
        wanted = piece_rows if left is None else min(left, piece_rows)
        for start in range(0, wanted, CHUNK):
            part = slice(start, min(start + CHUNK, wanted))
            _publish_chunk(
                piece.transactions[part], piece.truth[part], labels, logins, publisher, pace, stop, on_sent
            )
        left = None if left is None else left - wanted
        if left != 0:
            logins.send(publisher, logins.waiting.size, stop)
            _publish_labels(labels, publisher, pace, stop)


def _publish_chunk(
    frame: pl.DataFrame,
    truth: pl.DataFrame,
    labels: _Queue,
    logins: _Queue,
    publisher: Publisher,
    pace: Pace,
    stop: threading.Event,
    on_sent: OnSent,
) -> None:
    if stop.is_set():
        return
    queue = _Queue(publisher.encode_transactions(frame), _times(frame, "timestamp"))
    while queue.waiting.size and not stop.is_set():
        due = pace.due(queue.waiting)
        if due:
            known = int(labels.waiting.searchsorted(queue.waiting[due - 1], side="right"))
            labels_sent = labels.send(publisher, known, stop)
            tried = int(logins.waiting.searchsorted(queue.waiting[due - 1], side="right"))
            logins.send(publisher, tried, stop)
            sent_at, begin = time.time_ns() // 1_000_000, queue.at
            queue.send(publisher, due, stop)
            part = slice(begin, queue.at)
            on_sent(Sent(frame[part], truth[part], labels_sent, sent_at))
        if queue.waiting.size:
            _idle(pace.wait_s(int(queue.waiting[0])), publisher, stop)


def _logins(piece: Slice, publisher: Publisher) -> _Queue:
    """Empty where there are none, or no topic for them."""
    frame = piece.logins
    if frame is None or (records := publisher.encode_logins(frame)) is None:
        return _Queue(Encoded("", [], []), np.zeros(0, dtype=np.int64))
    return _Queue(records, _times(frame, "timestamp"))


def _publish_labels(labels: _Queue, publisher: Publisher, pace: Pace, stop: threading.Event) -> None:
    """The labels of a slice that no transaction of it is later than."""
    while labels.waiting.size and not stop.is_set():
        if not labels.send(publisher, pace.due_labels(labels.waiting), stop):
            _idle(pace.wait_s(int(labels.waiting[0])), publisher, stop)


def _idle(wait_s: float, publisher: Publisher, stop: threading.Event) -> None:
    stop.wait(min(max(wait_s, SHORTEST_WAIT_S), LONGEST_WAIT_S))
    publisher.serve()


def _times(frame: pl.DataFrame, column: str) -> Times:
    times: Times = frame[column].cast(pl.Datetime("ms")).to_physical().to_numpy()
    return times
