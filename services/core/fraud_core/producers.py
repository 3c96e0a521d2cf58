"""Producers, made of what people set as much as of what we need."""

from confluent_kafka import KafkaException, Producer

from fraud_core.broker_faults import unusable
from fraud_core.kafka import Config

TRANSACTION_TIMEOUT_MS = 60_000
"""librdkafka's, where a configuration has none."""
WITHIN = ("delivery.timeout.ms", "message.timeout.ms", "socket.timeout.ms")
"""What may take no longer than a transaction, or librdkafka makes no producer."""


def producer(config: Config) -> Producer:
    """A producer. In a transaction nothing is waited for longer than the transaction may last.

    Raises:
        ConfigError: librdkafka can't work with these settings.
    """
    try:
        return Producer(_fitting(config) if "transactional.id" in config else config)
    except KafkaException as error:
        raise unusable(error) from error


def _fitting(config: Config) -> Config:
    longest = int(config.get("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS))
    return config | {name: longest for name in WITHIN if _number(config.get(name)) > longest}


def _number(value: object) -> int:
    """0 for what is none: librdkafka tells of it."""
    try:
        return int(str(value))
    except ValueError:
        return 0
