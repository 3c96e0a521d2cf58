"""Reads a partition's snapshots from the state topic, to its end.

The end is asked for as read-uncommitted, and read to as read-committed: an open transaction holds back what
a read-committed consumer is told of the end, and transaction markers take offsets that no message has.
"""

from dataclasses import dataclass, field

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from fraud_core.errors import ConfigError
from fraud_core.kafka import admin_client, end_offsets
from fraud_core.polling import is_end, polled
from fraud_detector.found import Found
from fraud_detector.settings import DetectorSettings
from fraud_detector.snapshots import key_prefix
from fraud_detector.source import consumer_config, pass_over
from fraud_detector.standing import partition_count

TIMEOUT_S = 10.0
SLICE = 256


@dataclass
class Reading:
    """One partition on its way to the end of its log."""

    end: int
    prefix: bytes
    found: Found = field(default_factory=Found)


class StateLog:
    """The state topic, as the partitions that are being restored need it."""

    def __init__(self, settings: DetectorSettings, topic: str) -> None:
        """Asks for nothing yet."""
        self._settings, self._topic = settings, topic
        self._readings: dict[int, Reading] = {}
        self._done: dict[int, Found] = {}
        self._consumer: Consumer | None = None
        self._admin: AdminClient | None = None

    def check(self, partition: int) -> None:
        """The input may have got more partitions since the worker started.

        Raises:
            ConfigError: the state topic has no such partition.
            KafkaException: the brokers did not say.
        """
        found = partition_count(self._asking().list_topics(self._topic, TIMEOUT_S), self._topic)
        if partition >= found:
            raise ConfigError(
                f"The input has a partition {partition}, and {self._topic} has only {found} partitions. "
                "`fraudstream setup` adds those that are missing."
            )

    def add(self, partition: int) -> None:
        """Begin to read, once the committed offset is known: what goes with it is in the log then.

        Raises:
            KafkaException: the brokers did not say where the log ends.
        """
        reading = Reading(self._end(partition), key_prefix(self._settings.pipeline, partition))
        if reading.end == 0:
            self._done[partition] = reading.found
            return
        self._reader().incremental_assign([TopicPartition(self._topic, partition, OFFSET_BEGINNING)])
        self._readings[partition] = reading

    def drop(self, partition: int) -> None:
        """Read no further."""
        self._done.pop(partition, None)
        if self._readings.pop(partition, None):
            self._reader().incremental_unassign([TopicPartition(self._topic, partition)])

    def step(self, wait_s: float) -> dict[int, Found]:
        """Read on, after waiting so long for a first message; gives the partitions that are through.

        Raises:
            ConfigError: the cluster does not let this worker read the topic.
        """
        if self._readings:
            for message in polled(self._reader(), SLICE, wait_s):
                self._take(message)
        done, self._done = self._done, {}
        return done

    def left(self) -> dict[int, int]:
        """For each partition at most how many records are still to be read."""
        readings = self._readings.items()
        return {partition: reading.end - reading.found.position for partition, reading in readings}

    def close(self) -> None:
        """Close the consumer."""
        if self._consumer:
            self._consumer.close()
            self._consumer = None

    def _take(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        reading = self._readings.get(-1 if partition is None else partition)
        error = message.error()
        ends = error is not None and is_end(error)
        if error is not None and not ends:
            pass_over(error, self._topic)
            return
        if partition is None or offset is None or reading is None:
            return
        if error is None:
            self._add(reading, message)
            reading.found.position = offset + 1
        else:
            reading.found.position = offset
        if reading.found.position >= reading.end:
            self.drop(partition)
            self._done[partition] = reading.found

    @staticmethod
    def _add(reading: Reading, message: Message) -> None:
        key, value = message.key(), message.value()
        if key is not None and value is not None and _bytes(key).startswith(reading.prefix):
            reading.found.add(_bytes(value))

    def _end(self, partition: int) -> int:
        place = (self._topic, partition)
        return end_offsets(self._asking(), [place], TIMEOUT_S)[place]

    def _asking(self) -> AdminClient:
        if self._admin is None:
            self._admin = admin_client(self._settings.kafka)
        return self._admin

    def _reader(self) -> Consumer:
        if self._consumer is None:
            config = consumer_config(self._settings) | {"enable.partition.eof": True}
            self._consumer = Consumer(config | {"group.id": f"{self._settings.pipeline}-restore"})
        return self._consumer


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content
