"""Hands transactions and labels to the brokers: in columns, idempotently, and no failure goes unnoticed.

Delivery reports come for failures only (`delivery.report.only.error`), so a delivered record costs no call
into Python; delivered is what was handed over, less what failed, less what is still queued.
"""

import threading
import time
from dataclasses import dataclass
from functools import partial

import polars as pl
from confluent_kafka import KafkaError, KafkaException, Message

from fraud_core.avro import Encoder
from fraud_core.errors import ConfigError, DeliveryError
from fraud_core.kafka import PARTITIONER, Config, client_config, partition_counts, reason, wait_until
from fraud_core.log import logger
from fraud_core.producers import producer
from fraud_core.registry import Registry
from fraud_core.topics import Topic, Topics, topics
from fraud_producer.delivery import Counts, Failures, Outage
from fraud_producer.settings import ProducerSettings

log = logger(__name__)

POLL_S = 0.1
GRACE_S = 5.0
"""librdkafka looks for timed-out records about once a second; this is its margin."""

ABANDONED = "still on their way when the wait for them ended"
_PURGED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)  # noqa: SLF001 - so the client names its own codes


@dataclass(frozen=True)
class Encoded:
    """Rows of a frame, ready to go.

    Attributes:
        topic: where to.
        keys: one a row.
        values: one a row, in Confluent's wire format.
    """

    topic: str
    keys: list[str]
    values: list[bytes]


class Publisher:
    """A producer of transactions and labels. Made by `connect`; one thread uses it."""

    def __init__(
        self,
        settings: ProducerSettings,
        transaction_schema: int,
        label_schema: int,
        login_schema: int | None = None,
    ) -> None:
        """The schema ids are the registry's. Nothing is sent before the first record."""
        names = topics(settings.topics)
        self._transactions = (names.transactions.name, Encoder("Transaction", transaction_schema))
        self._labels = (names.labels.name, Encoder("Label", label_schema))
        self._timeout_s = settings.producer.delivery_timeout_s
        self._logins = None
        if names.logins and login_schema is not None:
            self._logins = (names.logins.name, Encoder("Login", login_schema))
        self._handed_over = {topic.name: 0 for topic in _written(names)}
        self._failures = Failures()
        self._outage = Outage(settings.kafka.bootstrap_servers, self._timeout_s)
        self._fatal = ""
        self._producer = producer(
            {**_config(settings), "on_delivery": self._on_delivery, "error_cb": self._on_error}
        )

    def encode_transactions(self, frame: pl.DataFrame) -> Encoded:
        """A frame of `schemas/Transaction.avsc`, keyed by user."""
        topic, encoder = self._transactions
        return Encoded(topic, frame["user"].to_list(), encoder.encode(frame))

    def encode_labels(self, frame: pl.DataFrame) -> Encoded:
        """A frame of `schemas/Label.avsc`, keyed by transaction_id."""
        topic, encoder = self._labels
        return Encoded(topic, frame["transaction_id"].to_list(), encoder.encode(frame))

    def encode_logins(self, frame: pl.DataFrame) -> Encoded | None:
        """A frame of `schemas/Login.avsc`, keyed by user; None where no topic is set for them."""
        if self._logins is None:
            return None
        topic, encoder = self._logins
        return Encoded(topic, frame["user"].to_list(), encoder.encode(frame))

    def send(self, records: Encoded, start: int, end: int, stop: threading.Event | None = None) -> int:
        """Hand over rows `start` to `end`, waiting for room where the brokers are slow.

        Returns:
            How many were handed over: fewer only if `stop` was set while there was no room.

        Raises:
            DeliveryError: the client has met an error that it cannot go on after.
        """
        sent = counted = start
        produce, topic = self._producer.produce, records.topic
        for key, value in zip(records.keys[start:end], records.values[start:end], strict=True):
            try:
                produce(topic, value, key)
            except (BufferError, KafkaException) as error:
                self._handed_over[topic] += sent - counted
                counted = sent
                if not self._settle(error, topic, key, value, stop):
                    break
            sent += 1
        self._handed_over[topic] += sent - counted
        self.serve()
        return sent - start

    def serve(self, wait_s: float = 0.0) -> None:
        """Take notice of what the brokers said, for up to `wait_s`; to be called a few times a second.

        Raises:
            DeliveryError: the client has met an error that it cannot go on after.
        """
        self._producer.poll(wait_s)
        self._watch()
        if self._fatal:
            raise DeliveryError(f"The Kafka client cannot go on: {self._fatal}. Start the producer again.")

    def counts(self) -> Counts:
        """What became of everything so far."""
        (transactions, _), (labels, _) = self._transactions, self._labels
        failed = self._failures.by_topic
        return Counts(
            produced=self._handed_over[transactions],
            failed=failed[transactions],
            labels=self._handed_over[labels],
            labels_failed=failed[labels],
            queued=len(self._producer),
        )

    def drain(
        self, stop: threading.Event, flush_timeout_s: float, at_once: threading.Event | None = None
    ) -> None:
        """Wait until every record is delivered or has failed; none is on its way afterwards.

        That takes no longer than the delivery timeout; once `stop` is set, `flush_timeout_s` at most; and
        no time once `at_once` is set. What is still on its way then counts as not delivered, though the
        brokers may have some of it.
        """
        limit = time.monotonic() + self._timeout_s + GRACE_S
        stopping = False
        while len(self._producer) and time.monotonic() < limit and not self._fatal:
            if at_once is not None and at_once.is_set():
                break
            if stop.is_set() and not stopping:
                stopping, limit = True, min(limit, time.monotonic() + flush_timeout_s)
                log.info("flushing", records=len(self._producer), at_most_s=flush_timeout_s)
            self._producer.flush(POLL_S)
            self._watch()
        if len(self._producer):
            self._producer.purge()
            self._producer.flush(GRACE_S)

    def undelivered(self) -> DeliveryError | None:
        """How many records were not delivered, why, and which was the first; None if all were."""
        if not self._failures.by_topic.total():
            return None
        return self._failures.error(sum(self._handed_over.values()))

    def _settle(
        self, error: Exception, topic: str, key: str, value: bytes, stop: threading.Event | None
    ) -> bool:
        """Deal with a record that the client did not take at once; False if it was stopped meanwhile."""
        while isinstance(error, BufferError):
            if stop is not None and stop.is_set():
                return False
            self.serve(POLL_S)
            try:
                self._producer.produce(topic, value, key)
            except (BufferError, KafkaException) as next_error:
                error = next_error
            else:
                return True
        assert isinstance(error, KafkaException)  # noqa: S101 - the only other error that is caught
        if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
            raise DeliveryError(f"The Kafka client refuses a record for {topic}: {reason(error)}.") from error
        self._failures.add(topic, key, f"{reason(error)} ({len(value):,} bytes)")
        return True

    def _watch(self) -> None:
        queued, failed = len(self._producer), self._failures.by_topic.total()
        self._outage.look(sum(self._handed_over.values()) - queued - failed, queued, failed)

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            key = message.key() or b""
            why = ABANDONED if error.code() in _PURGED else str(error.str())
            self._failures.add(message.topic() or "", bytes(key).decode(errors="replace"), why)

    def _on_error(self, error: KafkaError) -> None:
        """The client's own retries deal with all but fatal errors; the last one explains a standstill."""
        self._outage.reason = str(error.str())
        if error.fatal():
            self._fatal = str(error.str())


def wait_for_topics(settings: ProducerSettings, stop: threading.Event | None = None) -> None:
    """Wait for the brokers, and see that what a producer writes to is there.

    Raises:
        UnavailableError: they can't be reached within `startup_timeout_s`, or `stop` was set.
        ConfigError: a topic does not exist.
    """
    found = wait_until(lambda: partition_counts(settings.kafka), settings, stop)
    missing = [topic.name for topic in _written(topics(settings.topics)) if topic.name not in found]
    if missing:
        raise ConfigError(
            f"There is no topic {' and no topic '.join(missing)} at {settings.kafka.bootstrap_servers}. "
            "Run `fraudstream setup` first."
        )


def connect(settings: ProducerSettings, stop: threading.Event | None = None) -> Publisher:
    """Wait for brokers and registry, see that topics and schemas are there, and make a publisher.

    Raises:
        UnavailableError: brokers or registry can't be reached within `startup_timeout_s`, or `stop` was set.
        ConfigError: a topic does not exist.
        SchemaError: a schema is not registered.
    """
    wait_for_topics(settings, stop)
    names = topics(settings.topics)
    registry = Registry(settings.schema_registry)
    return Publisher(
        settings,
        wait_until(lambda: registry.id_of(names.transactions), settings, stop),
        wait_until(lambda: registry.id_of(names.labels), settings, stop),
        wait_until(partial(registry.id_of, names.logins), settings, stop) if names.logins else None,
    )


def _written(names: Topics) -> list[Topic]:
    return [names.transactions, names.labels, *([names.logins] if names.logins else [])]


def _config(settings: ProducerSettings) -> Config:
    how = settings.producer
    return {
        "enable.idempotence": True,
        "partitioner": PARTITIONER,
        "delivery.report.only.error": True,
        "delivery.timeout.ms": round(how.delivery_timeout_s * 1000),
        "linger.ms": how.linger_ms,
        "compression.type": how.compression,
        "queue.buffering.max.messages": how.max_queued,
        "message.max.bytes": settings.topics.max_message_bytes,
        "log_level": 2,
        **client_config(settings.kafka),
    }
