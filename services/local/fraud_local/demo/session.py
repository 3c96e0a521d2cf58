"""One run of the demo, from the first transaction to the last decision."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import polars as pl

from fraud_core.errors import DemoError
from fraud_core.shutdown import on_signals
from fraud_local.demo.detector import Detector
from fraud_local.demo.feed import Feed
from fraud_local.demo.figures import Figures
from fraud_local.demo.ledger import Balance, Ledger
from fraud_local.demo.watch import Watcher

Item = TypeVar("Item")

TICK_S = 0.25
PATIENCE_S = 60.0
"""So long may nothing arrive before what is missing counts as lost."""
LATEST = 12


@dataclass(frozen=True)
class Moment:
    """Totals at one time.

    Attributes:
        at: seconds since the first transaction.
        produced: transactions so far.
        arrived: decisions and dead letters so far.
        alerts: of these.
    """

    at: float
    produced: int
    arrived: int
    alerts: int


@dataclass
class Session:
    """What happened so far; `view` shows it while it grows.

    Attributes:
        phase: history, live, ending, or over.
        event_time: of the latest transaction, naive UTC.
        rules: alerts by rule or model.
        alerts: the latest alerts, newest last, as rows of the Decision schema.
        moments: totals about four times a second.
    """

    feed: Feed
    watcher: Watcher
    detector: Detector
    check_stack: Callable[[], None]
    duration: float | None
    figures: Figures = field(default_factory=Figures)
    ledger: Ledger = field(default_factory=Ledger)
    phase: str = "history"
    event_time: datetime | None = None
    _labels: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    alerts: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LATEST))
    moments: list[Moment] = field(default_factory=list)
    began: float = 0.0
    live_began: float | None = None
    last_arrival: float = 0.0

    def run(self, show: Callable[["Session"], None]) -> Balance:
        """Produce, watch and count until the stream ends, the duration is over, or a signal comes.

        Raises:
            DemoError: the detector ended, or the counts do not add up.
            FraudstreamError: brokers, registry or the stack failed.
        """
        self.began = self.last_arrival = time.monotonic()
        with on_signals() as asked:
            self.feed.start()
            while not asked.at_once.is_set() and not self._over():
                self._tick()
                show(self)
                if asked.stop.is_set() or self._time_is_up():
                    self.feed.stop(at_once=asked.at_once.is_set())
                    self.phase = "ending"
                threading.Event().wait(TICK_S)
            self.feed.stop(at_once=asked.at_once.is_set())
            self.feed.join(PATIENCE_S)
            self._tick()
            self.phase = "over"
            show(self)
        return self._balance(hurried=asked.at_once.is_set())

    @property
    def labels(self) -> int:
        """Labels written; at the end also those that no transaction came after."""
        return self.feed.ended.summary.labels if self.feed.ended else self._labels

    @property
    def live_seconds(self) -> float:
        """Seconds from the first live transaction to the last decision."""
        return 0.0 if self.live_began is None else max(0.0, self.last_arrival - self.live_began)

    @property
    def per_second(self) -> float:
        """Decisions a second over the last seconds."""
        if len(self.moments) < 2:  # noqa: PLR2004 - a rate is between two moments
            return 0.0
        last, first = self.moments[-1], self.moments[max(0, len(self.moments) - 12)]
        return (last.arrived - first.arrived) / max(last.at - first.at, TICK_S)

    def _tick(self) -> None:
        produced = _drained(self.feed.produced)
        arrivals = _drained(self.watcher.arrivals)
        self._note(arrivals_of=[arrival.alerts for arrival in arrivals])
        for some in produced:
            self.figures.produced += some.rows.height
            self.event_time, self._labels = some.event_time, self._labels + some.labels
        if self.live_began is None and any(some.rows["live"].any() for some in produced):
            self.live_began, self.phase = time.monotonic(), "live"
        matched = self.ledger.settle([some.rows for some in produced], [some.rows for some in arrivals])
        if matched.height:
            self.last_arrival = time.monotonic()
            self.figures.add(matched)
            self.feed.arrived = self.figures.arrived
        self.moments.append(
            Moment(
                time.monotonic() - self.began, self.figures.produced, self.figures.arrived,
                self.figures.outcomes["alert"],
            )
        )  # fmt: skip
        self._check()

    def _note(self, arrivals_of: list[pl.DataFrame]) -> None:
        for frame in arrivals_of:
            self.rules.update(frame["rules"].explode().drop_nulls().to_list())
            self.rules["model"] += int((frame["score"] >= frame["threshold"]).sum())
            self.alerts.extend(frame.tail(LATEST).iter_rows(named=True))

    def _check(self) -> None:
        self.check_stack()
        self.detector.check()
        for error in (self.feed.error, self.watcher.error):
            if error is not None:
                raise error

    def _over(self) -> bool:
        if self.feed.running or not self.feed.produced.empty():
            return False
        if not self.figures.produced or not self.ledger.undecided:
            return True
        return time.monotonic() - self.last_arrival > PATIENCE_S

    def _time_is_up(self) -> bool:
        if self.duration is None or self.live_began is None:
            return False
        return time.monotonic() - self.live_began >= self.duration

    def _balance(self, *, hurried: bool) -> Balance:
        balance = self.ledger.balance()
        if self.feed.ended and self.feed.ended.error:
            raise self.feed.ended.error
        if balance.repeated or (balance.undecided and not hurried):
            raise DemoError(
                f"The counts do not add up: of {self.figures.produced:,} transactions, {balance.undecided:,} "
                f"have no decision and {balance.repeated:,} have more than one. "
                f"The detector's log is {self.detector.log}."
            )
        return balance


def _drained(source: "SimpleQueue[Item]") -> list[Item]:
    found: list[Item] = []
    while True:
        try:
            found.append(source.get_nowait())
        except Empty:
            return found
