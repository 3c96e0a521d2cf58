"""Reads the logins of the partitions that a worker holds, as they have the numbers of the input's."""

import time
from collections.abc import Iterator

import polars as pl
import pyarrow as pa
from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from fraud_core.avro import Decoder
from fraud_core.errors import UnavailableError
from fraud_core.log import logger
from fraud_core.polling import is_end
from fraud_detector.settings import DetectorSettings
from fraud_detector.source import consumer_config, pass_over
from fraud_detector.validate import impossible_logins

log = logger(__name__)
BACK_MS = 2 * 3_600_000
"""A worker that gets a partition reads what was produced in so long before the first transaction that it will
decide: more than the longest window."""
TIMEOUT_S = 10.0
RETRY_S = 2.0
SLICE = 5_000
LOOK_MS = 10
"""A broker that has no record there says so after this: the engine waits for it."""


class LoginLog:
    """A consumer of the logins, of no group."""

    def __init__(self, settings: DetectorSettings, topic: str, decoder: Decoder) -> None:
        """Reads nothing yet."""
        self._topic, self._decoder, self._input = topic, decoder, settings.topics.transactions
        self._config = consumer_config(settings) | {
            "enable.partition.eof": True,
            "group.id": f"{settings.pipeline}-logins",
        }
        self._consumer = Consumer(self._config)
        self._read_to: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._held: list[Message] = []
        self._again_at = 0.0

    def add(self, partition: int, position: int, end: int) -> None:
        """Begin with a partition: where it was left, or some time before the input's record at `position`.

        Where the input has its `end` there, that is some time before now.

        Raises:
            KafkaException: the brokers did not say where that is.
        """
        first = self._time_of(partition, position) if position < end else _now()
        place = TopicPartition(self._topic, partition)
        self._consumer.list_topics(self._topic, TIMEOUT_S)  # as a restart changes what is right of leaders
        _, end = self._consumer.get_watermark_offsets(place, TIMEOUT_S)
        since = TopicPartition(self._topic, partition, first - BACK_MS)
        (found,) = self._consumer.offsets_for_times([since], TIMEOUT_S)
        begin = max(found.offset if found.offset >= 0 else end, self._read_to.get(partition, 0))
        if partition in self._ends:
            self._consumer.incremental_unassign([place])
        self._consumer.incremental_assign([TopicPartition(self._topic, partition, begin)])
        self._read_to[partition], self._ends[partition] = begin, end

    def drop(self, partition: int) -> None:
        """Read no further in a partition that is another worker's."""
        if self._ends.pop(partition, None) is not None:
            self._consumer.incremental_unassign([TopicPartition(self._topic, partition)])

    def reached(self, partition: int) -> bool:
        """Whether all is read that was there when the partition was added."""
        return self._read_to[partition] >= self._ends[partition]

    def step(self) -> pl.DataFrame | None:
        """The logins that have come since, if any."""
        if self._held and time.monotonic() < self._again_at:
            return None
        came = self._held or (self._consumer.consume(SLICE, 0) if self._ends else [])
        try:
            frame = self._frame([message for message in came if self._is_new(message)])
        except UnavailableError as error:
            log.warning("waiting", reason=str(error))
            self._held, self._again_at = came, time.monotonic() + RETRY_S
            return None
        self._held = []
        for partition, position in self._positions(came):
            self._read_to[partition] = max(self._read_to[partition], position)
        return frame

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _time_of(self, partition: int, position: int) -> int:
        """The Kafka timestamp of the input's record at `position`, the first of a backlog; else now."""
        looking = Consumer(self._config | {"queued.min.messages": 1, "fetch.wait.max.ms": LOOK_MS})
        try:
            looking.assign([TopicPartition(self._input, partition, position)])
            found = looking.poll(TIMEOUT_S)
        finally:
            looking.close()
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's own name
        if (error := found.error()) and not is_end(error):
            raise KafkaException(error)
        now = _now()
        kind, at = found.timestamp()
        return now if error or kind == TIMESTAMP_NOT_AVAILABLE else min(at, now)

    def _is_new(self, message: Message) -> bool:
        """Not of a partition that has been given up, where somebody else reads on."""
        known = message.error() is None and message.value() is not None and message.partition() in self._ends
        return known and (message.offset() or 0) >= self._read_to[message.partition() or 0]

    def _positions(self, messages: list[Message]) -> Iterator[tuple[int, int]]:
        for message in messages:
            partition, offset, error = message.partition() or 0, message.offset() or 0, message.error()
            if error is not None and not is_end(error):
                pass_over(error, self._topic)
            elif partition in self._ends:
                yield partition, offset if error else offset + 1

    def _frame(self, messages: list[Message]) -> pl.DataFrame | None:
        if not messages:
            return None
        read = self._decoder.decode([message.value() for message in messages])
        if read.rejected:
            reason = str(read.rejected[0].error)
            log.warning("logins_not_understood", count=len(read.rejected), reason=reason)
        wrong = impossible_logins(read.batch, [messages[index].timestamp()[1] for index in read.index])
        if wrong.any():
            log.warning(
                "logins_impossible", count=int(wrong.sum()), reason="their times are, see dead letters"
            )
        frame = pl.from_arrow(read.batch.filter(pa.array(~wrong)))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a record batch never becomes a series
        return frame


def _now() -> int:
    return time.time_ns() // 1_000_000
