"""Produces in a thread of this process, and tells what each transaction really is."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from fraud_local.demo.ledger import PRODUCED
from fraud_local.demo.tutorial import TutorialRules
from fraud_producer.run import Ended, Plan, run
from fraud_producer.settings import ProducerSettings
from fraud_producer.slices import Slice
from fraud_producer.stream import Sent

CHECK_S = 0.02
ALWAYS = datetime(1970, 1, 1)  # noqa: DTZ001 - event times are naive UTC


@dataclass(frozen=True)
class Produced:
    """Transactions that were handed over together.

    Attributes:
        rows: columns `ledger.PRODUCED`.
        event_time: of the last one, naive UTC.
        labels: how many labels went before them.
    """

    rows: pl.DataFrame
    event_time: datetime
    labels: int


class Feed:
    """A producer whose history goes flat out, and whose live part waits until the history is decided.

    Attributes:
        sent: transactions handed over so far.
        arrived: how many of them are through; whoever watches sets it.
    """

    def __init__(
        self,
        settings: ProducerSettings,
        planned: Plan,
        live_from: datetime | None,
    ) -> None:
        """Nothing is produced before `start`.

        Args:
            settings: where to produce to.
            planned: what to produce.
            live_from: event time at which the live part begins; None if all is live.
        """
        self.produced: queue.SimpleQueue[Produced] = queue.SimpleQueue()
        self.ended: Ended | None = None
        self.error: Exception | None = None
        self.sent = self.arrived = 0
        self._settings, self._live_from = settings, live_from
        self._stop, self._at_once = threading.Event(), threading.Event()
        self._tutorial = TutorialRules()
        self.plan = planned if live_from is None else replace(planned, slices=self._gated(planned))
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it still produces, or waits for deliveries."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, *, at_once: bool = False) -> None:
        """End the stream; `at_once` waits for no delivery."""
        self._stop.set()
        if at_once:
            self._at_once.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self.ended = run(
                self._settings,
                self.plan,
                stop=self._stop,
                at_once=self._at_once,
                on_sent=self._tell,
                quiet=True,
            )
        except Exception as error:  # noqa: BLE001 - the main thread tells it
            self.error = error

    def _tell(self, sent: Sent) -> None:
        self.sent += sent.transactions.height
        times = sent.transactions["timestamp"]
        live = times >= (self._live_from or ALWAYS)
        rows = sent.truth.with_columns(live=live, tutorial=self._tutorial.alerts(sent.transactions))
        self.produced.put(Produced(rows.select(PRODUCED.names()), times[-1], sent.labels))

    def _gated(self, planned: Plan) -> Iterator[Slice]:
        waiting = True
        for piece in planned.slices:
            while waiting and self._live_from and piece.start >= self._live_from:
                waiting = self.arrived < self.sent and not self._stop.wait(CHECK_S)
            yield piece
