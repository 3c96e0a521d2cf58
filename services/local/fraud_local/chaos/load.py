"""A steady stream of transactions into the input, which nothing that happens to the broker loses."""

import threading
import time
from collections.abc import Iterable, Iterator

import polars as pl
from confluent_kafka import KafkaError, Message, Producer

from fraud_core.avro import Encoder
from fraud_core.errors import DeliveryError
from fraud_core.kafka import PARTITIONER, client_config
from fraud_core.settings import CoreSettings
from fraud_local.bench.workload import Workload
from fraud_local.chaos.poison import Record

TICK_S = 0.1
FLUSH_S = 120.0
PRODUCED = pl.Schema({"transaction_id": pl.String, "poison": pl.Boolean})


class Load:
    """Produces in a thread of its own until it is ended."""

    def __init__(self, settings: CoreSettings, encoder: Encoder, workload: Workload, rate: int) -> None:
        """Nothing is produced before `start`; `rate` is transactions a second."""
        self._topic, self._encoder, self._rate = settings.topics.transactions, encoder, rate
        self._rows = _rows(workload, encoder)
        self._ids: list[str] = []
        self._poison: list[str] = []
        self._refused: list[str] = []
        self._producing, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._producer = Producer(
            {
                **client_config(settings.kafka),
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
                "message.timeout.ms": 0,  # for ever: the broker always comes back
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def burst(self, count: int) -> None:
        """Produce so many at once, so that detectors are at work when something happens to them."""
        with self._producing:
            for _ in range(count):
                user, name, value = next(self._rows)
                self._ids.append(name)
                self._produce(user, value)

    def poison(self, records: Iterable[Record]) -> None:
        """Produce records that are no transactions."""
        with self._producing:
            for record in records:
                self._poison.append(record.key)
                self._produce(record.key, record.value)

    def end(self) -> pl.DataFrame:
        """Stop, wait for all deliveries, and tell what was produced: columns `PRODUCED`.

        Raises:
            DeliveryError: the broker did not take all.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        left = self._producer.flush(FLUSH_S)
        if left or self._refused:
            raise DeliveryError(
                f"{left} records of the load were not delivered in {FLUSH_S:.0f} s and {len(self._refused)} "
                f"were refused: {'; '.join(self._refused[:3]) or 'no reason was given'}."
            )
        names = [(name, False) for name in self._ids] + [(name, True) for name in self._poison]
        return pl.DataFrame(names, schema=PRODUCED, orient="row")

    def _run(self) -> None:
        began, sent = time.monotonic(), 0
        while not self._stop.wait(TICK_S):
            due = int((time.monotonic() - began) * self._rate)
            self.burst(due - sent)
            sent = due

    def _produce(self, key: str, value: bytes | None) -> None:
        self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused.append(str(error.str()))


def _rows(workload: Workload, encoder: Encoder) -> Iterator[tuple[str, str, bytes]]:
    """User, id and value of one transaction after the other."""
    for frame in workload.chunks():
        yield from zip(frame["user"], frame["transaction_id"], encoder.encode(frame), strict=True)
