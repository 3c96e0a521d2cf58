"""Reads labels and side tables to their ends, and follows them from there."""

import time
from collections.abc import Iterator

import polars as pl
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    Message,
    TopicPartition,
)

from fraud_core.avro import Decoder
from fraud_core.errors import UnavailableError
from fraud_core.kafka import admin_client, end_offsets
from fraud_core.log import logger
from fraud_core.polling import is_end, key_of
from fraud_core.topics import Topics
from fraud_detector.settings import DetectorSettings
from fraud_detector.side_records import SideRecord, SideRecordError, decoded
from fraud_detector.source import consumer_config, pass_over
from fraud_detector.standing import partition_count

log = logger(__name__)
Place = tuple[str, int]
TIMEOUT_S = 10.0
RETRY_S = 2.0
SLICE = 2_000


class SideLog:
    """A consumer of all partitions of both topics, of no group."""

    def __init__(self, settings: DetectorSettings, names: Topics, labels: Decoder) -> None:
        """Reads nothing yet; `labels` decodes them."""
        self._settings, self._decoder = settings, labels
        self._labels, self._tables = names.labels.name, names.side_tables.name
        self._positions: dict[Place, int] = {}
        self._consumer: Consumer | None = None
        self._admin = admin_client(settings.kafka)
        self._held: list[Message] = []
        self._again_at = 0.0

    def ends(self) -> dict[Place, int]:
        """Where the topics end now.

        Raises:
            KafkaException: the brokers did not say.
        """
        self._begin()
        return end_offsets(self._admin, self._positions, TIMEOUT_S)

    def passed(self, ends: dict[Place, int]) -> bool:
        """Whether all that was there when the topics ended here has been read."""
        return all(self._positions[place] >= end for place, end in ends.items())

    def step(self, wait_s: float = 0.0) -> tuple[pl.DataFrame | None, list[SideRecord]]:
        """What has come since: labels as a frame, if any, and records of the side tables, in order.

        Nothing comes before `ends` was asked for.
        """
        if self._consumer is None or (self._held and time.monotonic() < self._again_at):
            return None, []
        came = self._held or self._consumer.consume(SLICE, wait_s)
        try:
            labels = self._read_labels([one for one in came if self._is(one, self._labels)])
        except UnavailableError as error:
            log.warning("waiting", reason=str(error))
            self._held, self._again_at = came, time.monotonic() + RETRY_S
            return None, []
        self._held = []
        records = list(self._read_records(one for one in came if self._is(one, self._tables)))
        for message in came:
            self._note(message)
        return labels, records

    def close(self) -> None:
        """Close the consumer."""
        if self._consumer:
            self._consumer.close()
            self._consumer = None

    @staticmethod
    def _is(message: Message, topic: str) -> bool:
        return message.error() is None and message.topic() == topic

    def _read_labels(self, messages: list[Message]) -> pl.DataFrame | None:
        known = [message for message in messages if message.value() is not None]
        if not known:
            return None
        read = self._decoder.decode([message.value() for message in known])
        for rejected in read.rejected:
            message = known[rejected.index]
            log.warning(
                "label_not_understood",
                partition=message.partition(),
                offset=message.offset(),
                reason=str(rejected.error),
            )
        frame = pl.from_arrow(read.batch)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a record batch never becomes a series
        return frame

    def _read_records(self, messages: Iterator[Message]) -> Iterator[SideRecord]:
        for message in messages:
            key = key_of(message)
            try:
                record = decoded(key, message.value(), self._settings.pipeline)
            except SideRecordError as error:
                log.warning("side_record_not_understood", offset=message.offset(), reason=str(error))
                continue
            if record:
                yield record

    def _note(self, message: Message) -> None:
        place = (message.topic() or "", message.partition() or 0)
        error, offset = message.error(), message.offset() or 0
        if error is None:
            self._positions[place] = offset + 1
        elif is_end(error):
            self._positions[place] = max(self._positions.get(place, 0), offset)
        else:
            pass_over(error, place[0])

    def _begin(self) -> None:
        """Read all partitions of both topics from their beginnings, once.

        Raises:
            KafkaException: the brokers did not say which there are; none was begun.
        """
        if self._consumer is not None:
            return
        counts = {
            name: partition_count(self._admin.list_topics(name, TIMEOUT_S), name)
            for name in (self._labels, self._tables)
        }
        places = [(name, number) for name, count in counts.items() for number in range(count)]
        config = consumer_config(self._settings) | {"enable.partition.eof": True}
        self._consumer = Consumer(config | {"group.id": f"{self._settings.pipeline}-side"})
        self._positions = dict.fromkeys(places, 0)
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
