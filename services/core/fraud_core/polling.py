"""Takes what a consumer has, whatever somebody has written."""

from confluent_kafka import Consumer, Message


def polled(source: Consumer, limit: int, wait_s: float) -> list[Message]:
    """At most `limit` messages and events: waits for the first one only, then takes what is there already.

    `Consumer.consume` alone would wait for all of them. A message is as long as its value, so one without a
    value is false: it must be held against None, or tombstones would be lost here.
    """
    first = source.poll(wait_s)
    if first is None:
        return []
    return [first, *source.consume(limit - 1, 0)] if limit > 1 else [first]


def key_of(message: Message) -> str:
    """The record's key as text, empty where it has none; what is no UTF-8 in it is replaced."""
    return bytes(message.key() or b"").decode(errors="replace")
