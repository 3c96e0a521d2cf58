"""Reads committed records of one topic without a consumer group: the last ones, all, and those to come."""

import time
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from fraud_core.errors import UnavailableError
from fraud_core.kafka import client_config
from fraud_core.offsets import Place, Span
from fraud_core.polling import is_end, polled
from fraud_core.settings import KafkaSettings

BATCH = 1_000
POLL_S = 0.5
PATIENCE_S = 15.0
GROWTH = 4
"""So much longer is the next step back: markers of transactions have offsets too, so one may find too few."""

Spans = Mapping[Place, Span]


def consumer(settings: KafkaSettings, on_outage: Callable[[], None] = lambda: None) -> Consumer:
    """A read-committed consumer for `assign`; it joins no group and commits nothing.

    Args:
        settings: where the brokers are.
        on_outage: called when no broker can be reached any more; the consumer itself keeps trying.
    """

    def on_error(error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - so the client names its own codes
            on_outage()

    return Consumer(
        {
            **client_config(settings),
            "group.id": "fraudstream-looking",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "error_cb": on_error,
        }
    )


def last(source: Consumer, spans: Spans, count: int) -> list[Message]:
    """The last records of all partitions together, by Kafka timestamp, oldest first.

    Raises:
        UnavailableError: the brokers stopped answering.
    """
    found: dict[Place, list[Message]] = {place: [] for place in spans}
    reach = {place: span.end for place, span in spans.items()}
    step = 2 * count
    while short := [p for p in spans if len(found[p]) < count and reach[p] > spans[p].begin]:
        back = {place: Span(max(spans[place].begin, reach[place] - step), reach[place]) for place in short}
        earlier: dict[Place, list[Message]] = {place: [] for place in short}
        for batch in forward(source, back):
            for message in batch:
                earlier[place_of(message)].append(message)
        for place in short:
            found[place] = earlier[place] + found[place]
            reach[place] = back[place].begin
        step *= GROWTH
    everything = sorted((message for messages in found.values() for message in messages), key=_moment)
    return everything[-count:] if count else []


def forward(source: Consumer, spans: Spans) -> Iterator[list[Message]]:
    """The records in these spans in batches, each partition in order.

    Raises:
        UnavailableError: the brokers stopped answering.
    """
    left = {place: span for place, span in spans.items() if span.length}
    _assign(source, {place: span.begin for place, span in left.items()})
    deadline = time.monotonic() + PATIENCE_S
    while left:
        messages = polled(source, BATCH, POLL_S)
        if messages:
            deadline = time.monotonic() + PATIENCE_S
        elif time.monotonic() > deadline:
            raise UnavailableError(f"The brokers stopped answering for {PATIENCE_S:g} s. Try again.")
        records = [message for message in messages if _is_within(message, left)]
        for place in {place_of(message) for message in messages if _is_at_end(message, left)}:
            del left[place]
            source.pause([TopicPartition(*place)])
        if records:
            yield records


def onward(source: Consumer, spans: Spans) -> Iterator[list[Message]]:
    """The records after these spans, as they are committed, for ever; empty lists while there are none."""
    _assign(source, {place: span.end for place, span in spans.items()})
    while True:
        yield sorted((one for one in polled(source, BATCH, POLL_S) if _succeeded(one)), key=_moment)


def place_of(message: Message) -> Place:
    """The partition that the record is in."""
    partition = message.partition()
    return message.topic() or "", -1 if partition is None else partition


def _assign(source: Consumer, starts: Mapping[Place, int]) -> None:
    source.assign([TopicPartition(*place, start) for place, start in starts.items()])
    source.resume([TopicPartition(*place) for place in starts])  # a pause may outlive the assignment


def _succeeded(message: Message) -> bool:
    """Whether this is a record; else it is the end of a partition.

    Raises:
        UnavailableError: it is an error.
    """
    error = message.error()
    if error is not None and not is_end(error):
        raise UnavailableError(f"{message.topic()} can't be read: {error.str()}. Try again.")
    return error is None


def _is_within(message: Message, left: Mapping[Place, Span]) -> bool:
    span = left.get(place_of(message))
    return _succeeded(message) and span is not None and (message.offset() or 0) < span.end


def _is_at_end(message: Message, left: Mapping[Place, Span]) -> bool:
    span = left.get(place_of(message))
    if span is None:
        return False
    return message.error() is not None or (message.offset() or 0) >= span.end - 1


def _moment(message: Message) -> tuple[int, int, int]:
    return message.timestamp()[1], message.partition() or 0, message.offset() or 0
