"""Takes what a consumer has, whatever somebody has written."""

from confluent_kafka import Consumer, KafkaError, Message

Headers = list[tuple[str, bytes | None]]


def polled(source: Consumer, limit: int, wait_s: float) -> list[Message]:
    """At most `limit` messages and events: waits for the first one only, then takes what is there already.

    `Consumer.consume` alone would wait for all of them. A message is as long as its value, so one without a
    value is false: it must be held against None, or tombstones would be lost here.
    """
    first = source.poll(wait_s)
    if first is None:
        return []
    return [first, *source.consume(limit - 1, 0)] if limit > 1 else [first]


def is_end(error: KafkaError) -> bool:
    """Whether it only says that the partition is read to its end."""
    return bool(error.code() == KafkaError._PARTITION_EOF)  # noqa: SLF001 - librdkafka's own name for it


def key_of(message: Message) -> str:
    """The record's key as text, empty where it has none; what is no UTF-8 in it is replaced."""
    return bytes(message.key() or b"").decode(errors="replace")


def headers_of(message: Message) -> Headers | None:
    """The record's headers; None where the name of one is no UTF-8, as the client tells none then.

    It raises for such a record once, and from then on has a list that kills the process that reads it. So
    that is replaced, and who asks again is told of none.
    """
    try:
        found = message.headers() or []
    except (SystemError, UnicodeDecodeError):
        message.set_headers([])
        return None
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]
