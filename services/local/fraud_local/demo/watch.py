"""Sees decisions and dead letters arrive, as a `read_committed` consumer of the cluster does."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from confluent_kafka import OFFSET_END, Consumer, Message, TopicPartition

from fraud_core.avro import Decoder
from fraud_core.kafka import client_config, partition_counts
from fraud_core.polling import polled
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings
from fraud_core.topics import Topics
from fraud_local.demo.ledger import ARRIVED

POLL_S = 0.1
AT_ONCE = 5_000
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Arrival:
    """Messages that arrived together.

    Attributes:
        rows: columns `ledger.ARRIVED`.
        alerts: the alerts among them, all columns of `schemas/Decision.avsc`.
    """

    rows: pl.DataFrame
    alerts: pl.DataFrame


class Watcher:
    """A thread that reads what the detector writes from now on and puts it into a queue."""

    def __init__(self, settings: CoreSettings, topics: Topics) -> None:
        """Find the ends of the topics: what is there already is none of our business.

        Raises:
            UnavailableError: no broker answers.
        """
        self.arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self.error: Exception | None = None
        self._outcomes = {
            topics.alerts.name: "alert",
            topics.classified.name: "classified",
            topics.dead_letters.name: "dead_letter",
        }
        registry = Registry(settings.schema_registry)
        self._decisions, self._transactions = Decoder("Decision", registry), Decoder("Transaction", registry)
        self._consumer = _at_the_ends(settings, tuple(self._outcomes))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(TIMEOUT_S)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if messages := polled(self._consumer, AT_ONCE, POLL_S):
                    self._take(messages, time.time() * 1_000)
        except Exception as error:  # noqa: BLE001 - the main thread tells it
            self.error = error
        finally:
            self._consumer.close()

    def _take(self, messages: Sequence[Message], now_ms: float) -> None:
        by_outcome: dict[str, list[Message]] = {}
        for message in messages:
            if message.error() is None:
                by_outcome.setdefault(self._outcomes[message.topic() or ""], []).append(message)
        for outcome, some in by_outcome.items():
            decoder = self._transactions if outcome == "dead_letter" else self._decisions
            decoded = decoder.decode([message.value() for message in some])
            frame = pl.DataFrame(decoded.batch)
            times = np.array([some[place].timestamp()[1] for place in decoded.index], dtype=np.float64)
            rows = _rows(frame, outcome, now_ms - times)
            self.arrivals.put(Arrival(rows, frame if outcome == "alert" else frame.clear()))


def _rows(frame: pl.DataFrame, outcome: str, latency: np.ndarray[Any, np.dtype[np.float64]]) -> pl.DataFrame:
    score = pl.col("score") if "score" in frame.columns else pl.lit(None)
    return frame.select(
        pl.col("transaction_id"),
        pl.lit(outcome).alias("outcome"),
        score.cast(pl.Float64).alias("score"),
        pl.Series("latency_ms", np.maximum(latency, 0.0)),
    ).cast(ARRIVED)


def _at_the_ends(settings: CoreSettings, names: tuple[str, ...]) -> Consumer:
    counts = partition_counts(settings.kafka)
    consumer = Consumer(
        {
            **client_config(settings.kafka),
            "group.id": "fraudstream-demo",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
        }
    )
    places = [
        TopicPartition(name, partition, OFFSET_END) for name in names for partition in range(counts[name])
    ]
    for place in places:
        # The log's end now: OFFSET_END would be asked later, when the first decision may be there.
        place.offset = consumer.get_watermark_offsets(place, TIMEOUT_S)[1]
    consumer.assign(places)
    return consumer
