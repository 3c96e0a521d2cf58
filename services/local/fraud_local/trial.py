"""Sends one transaction and waits for what becomes of it."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from fraud_core.avro import Encoder
from fraud_core.avro.types import polars_schema
from fraud_core.errors import DeliveryError, UnavailableError
from fraud_core.kafka import PARTITIONER, client_config, reason
from fraud_core.offsets import committed_spans
from fraud_core.polling import polled
from fraud_core.producers import producer
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings
from fraud_core.tail import BATCH, consumer, place_of
from fraud_local.topic_names import of_pipeline
from fraud_local.values import ValueReader

CONNECT_S = 5.0
POLL_S = 0.05


@dataclass(frozen=True)
class Verdict:
    """What became of the transaction.

    Attributes:
        message: the record on `fraud_alerts`, `classified_transactions` or `transactions_dlq`.
        decision: the decision; None for a dead letter.
        milliseconds: from produce to when a read-committed consumer had the answer.
    """

    message: Message
    decision: Mapping[str, Any] | None
    milliseconds: float


def send(
    settings: CoreSettings, existing: Mapping[str, int], transaction: Mapping[str, object], timeout_s: float
) -> Verdict | None:
    """Send the transaction and wait; None if nothing came within `timeout_s`.

    The consumer stands at the ends of the output topics before anything is sent, so it can't miss the answer.

    Args:
        settings: where brokers and registry are, and the names of the topics.
        existing: every topic's number of partitions.
        transaction: fields of `schemas/Transaction.avsc`; missing ones are null.
        timeout_s: of the wait for the answer.

    Raises:
        SchemaError: the topic's schema is not registered.
        UnavailableError: brokers or registry can't be reached.
        DeliveryError: the brokers did not take the transaction.
    """
    names, registry = of_pipeline(settings), Registry(settings.schema_registry)
    frame = pl.DataFrame([transaction], schema=polars_schema("Transaction"))
    (value,) = Encoder("Transaction", registry.id_of(names.transactions)).encode(frame)
    answers = (names.alerts, names.classified, names.dead_letters)
    outputs = {topic.name: existing[topic.name] for topic in answers}
    with closing(consumer(settings.kafka)) as source:
        _stand_at_ends(source, settings, outputs)
        failures: list[str] = []
        producer = _producer(settings, names.transactions.name, failures)
        began = time.monotonic()
        producer.produce(names.transactions.name, value, str(transaction["user"]))
        message = _answer(source, value, str(transaction["transaction_id"]), began + timeout_s)
        milliseconds = 1_000 * (time.monotonic() - began)
        _check_delivered(producer, settings, failures)
    if message is None:
        return None
    dead = message.topic() == names.dead_letters.name
    return Verdict(
        message, None if dead else ValueReader(registry).read(message.value()).content, milliseconds
    )


def _stand_at_ends(source: Consumer, settings: CoreSettings, outputs: Mapping[str, int]) -> None:
    """Assign the ends of the topics, and wait until each partition is being fetched from there."""
    spans = committed_spans(settings.kafka, outputs)
    source.assign([TopicPartition(*place, span.end) for place, span in spans.items()])
    waiting, deadline = set(spans), time.monotonic() + CONNECT_S
    while waiting and time.monotonic() < deadline:
        waiting -= {place_of(message) for message in polled(source, BATCH, POLL_S)}  # a record or an end


def _producer(settings: CoreSettings, topic: str, failures: list[str]) -> Producer:
    """A producer that knows the partitions already, so that the first record does not wait for them.

    Nor does it wait half a second for an idempotent producer's id: without retries nothing is sent twice.
    """
    made = producer(
        {
            **client_config(settings.kafka),
            "partitioner": PARTITIONER,
            "retries": 0,
            "linger.ms": 0,
            "message.max.bytes": settings.topics.max_message_bytes,
            "on_delivery": lambda error, _: failures.append(error.str()) if error else None,
        }
    )
    try:
        made.list_topics(topic, timeout=CONNECT_S)
    except KafkaException as error:
        raise UnavailableError(
            f"The brokers at {settings.kafka.bootstrap_servers} stopped answering "
            f"({reason(error)}). Try again."
        ) from error
    return made


def _answer(source: Consumer, value: bytes, transaction_id: str, deadline: float) -> Message | None:
    """The decision, which has the id in it, or the dead letter, which is the transaction as it was sent."""
    wanted = transaction_id.encode()
    while time.monotonic() < deadline:
        for message in polled(source, BATCH, POLL_S):
            found = message.value()
            if message.error() is None and found is not None and (found == value or wanted in found):
                return message
    return None


def _check_delivered(producer: Producer, settings: CoreSettings, failures: list[str]) -> None:
    left = producer.flush(CONNECT_S)
    if failures:
        raise DeliveryError(f"The brokers refuse the transaction: {failures[0]}.")
    if left:
        raise UnavailableError(
            f"The brokers at {settings.kafka.bootstrap_servers} did not take the transaction. Try again."
        )
