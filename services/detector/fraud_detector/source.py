"""The consumer: membership of the group, partitions that come and go, and batches of messages."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import Config, client_config
from fraud_core.log import logger
from fraud_core.polling import polled
from fraud_detector.identity import Identity
from fraud_detector.kept import Kept
from fraud_detector.records import Records
from fraud_detector.settings import DetectorSettings

log = logger(__name__)
Partitions = list[TopicPartition]
NOT_ALLOWED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
SEEK_TIMEOUT_S = 10.0
ASK_TIMEOUT_S = 10.0
FETCH_BYTES = 262_144
"""Of one partition at once: in small turns the partitions of a fast replay stay together in event time."""


class Rebalance(Protocol):
    """What the engine does when partitions come and go; called from within a poll."""

    def on_assigned(self, partitions: list[int]) -> None:
        """These partitions are ours now; they are paused until they are resumed."""

    def on_revoked(self, partitions: list[int]) -> None:
        """These are to be given up; what is open must be committed before this returns."""

    def on_lost(self, partitions: list[int]) -> None:
        """These belong to somebody else already; what is open must be aborted."""


def consumer_config(settings: DetectorSettings) -> Config:
    """What the group's consumer and the one that replays for a restore share."""
    return {
        "queued.min.messages": 100_000,
        "fetch.queue.backoff.ms": 20,
        "fetch.message.max.bytes": FETCH_BYTES,
        **client_config(settings.kafka),
        "group.id": settings.pipeline,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }


def pass_over(error: KafkaError, topic: str) -> None:
    """Log an error that came in place of a record, unless nothing would ever come.

    Raises:
        ConfigError: the cluster does not let this worker read the topic.
        UnavailableError: the consumer failed for good.
    """
    if error.code() in NOT_ALLOWED:
        raise ConfigError(f"The cluster refuses to let this worker read {topic}: {error.str()}.")
    if error.fatal():
        raise UnavailableError(f"The consumer failed for good: {error.str()}. Start the worker again.")
    log.warning("poll_error", topic=topic, reason=error.str())


class Source:
    """Batches of messages of the partitions that are assigned to this worker and started."""

    def __init__(self, settings: DetectorSettings, rebalance: Rebalance) -> None:
        """Join the group; the first poll brings the assignment."""
        self._topic = settings.topics.transactions
        self._rebalance = rebalance
        self.consumer = Consumer(
            {
                **consumer_config(settings),
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": settings.group.session_timeout_ms,
                "heartbeat.interval.ms": settings.group.heartbeat_interval_ms,
                "max.poll.interval.ms": settings.group.max_poll_interval_ms,
            }
        )
        self._next: dict[int, int] = {}
        self._kept = Kept()
        self._paused: set[int] = set()
        self._identity = Identity(settings.kafka, self._topic)
        self.join()

    def poll(self, limit: int, timeout_s: float) -> list[Message]:
        """At most `limit` messages: waits for the first one only, then takes what is there already.

        Raises:
            ConfigError: the cluster does not let this worker read.
            UnavailableError: the consumer failed for good, or the topic was deleted.
        """
        self._identity.check()
        messages = self._kept.take(limit, but=self._paused)
        if messages and len(messages) < limit:
            messages += self.consumer.consume(limit - len(messages), 0)
        elif not messages:
            messages = polled(self.consumer, limit, timeout_s)
        if any(map(Message.error, messages)):
            return [message for message in messages if self._is_record(message)]
        return messages

    def follow(self, records: Records) -> None:
        """Take note of what came, which must go on where the last batch ended.

        Raises:
            UnavailableError: the client has jumped, as it does where the next record is not retained.
        """
        for partition, first, end in records.spans:
            offset, expected = int(records.positions[first]), self._next.get(partition)
            if expected is not None and offset != expected and self._jumped(partition, offset, expected):
                raise UnavailableError(
                    f"The next record of {self._topic}[{partition}], at {expected}, is not retained now; "
                    "start the worker again. FRAUD_STATE__ON_MISMATCH says whether it goes on with what is."
                )
            self._next[partition] = int(records.positions[end - 1]) + 1

    def keep(self, partition: int, messages: Sequence[Message]) -> None:
        """Give these, the last of the partition that came, once more when it flows again."""
        self._kept.keep(partition, messages)
        self._next[partition] = messages[0].offset() or 0

    @property
    def kept(self) -> dict[int, int]:
        """For each partition of which messages are kept, the first offset of these."""
        return self._kept.offsets

    def join(self) -> None:
        """Become a member of the group; the next polls bring the assignment."""
        self.consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def leave(self) -> None:
        """Give all partitions back and leave the group; `on_revoked` comes with the next poll."""
        self.consumer.unsubscribe()

    def seek(self, partition: int, offset: int) -> None:
        """The next message of an assigned partition is the one at this offset."""
        self._kept.drop(partition)
        self._next[partition] = offset
        place = TopicPartition(self._topic, partition, offset)
        _retried(lambda: self.consumer.seek(place))

    def more(self, partition: int, offset: int) -> bool:
        """Whether an assigned partition has records from this offset on, as far as the last fetch says."""
        try:
            _, end = self.consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
        except KafkaException:
            return False
        return end < 0 or end > offset

    def pause(self, partitions: Iterable[int]) -> None:
        """Hold messages of these partitions back; membership goes on."""
        self._paused.update(partitions)
        self.consumer.pause(self._places(partitions))

    def resume(self, partitions: Iterable[int]) -> None:
        """Let them flow again from where they were."""
        self._paused.difference_update(partitions)
        self.consumer.resume(self._places(partitions))

    def close(self) -> None:
        """Leave the group; calls `on_revoked` for what is held."""
        self._identity.close()
        self.consumer.close()

    def _jumped(self, partition: int, offset: int, expected: int) -> bool:
        """Whether records are lost: markers of a producer's transactions take offsets too."""
        if offset < expected:
            return True
        place = TopicPartition(self._topic, partition)
        try:
            return bool(self.consumer.get_watermark_offsets(place, ASK_TIMEOUT_S)[0] > expected)
        except KafkaException as error:
            log.warning("gap_not_explained", partition=partition, since=expected, reason=str(error))
            return False

    def _places(self, partitions: Iterable[int]) -> Partitions:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    def _assigned(self, consumer: Consumer, partitions: Partitions) -> None:
        consumer.incremental_assign(partitions)
        consumer.pause(partitions)
        log.info("assigned", partitions=_numbers(partitions))
        self._rebalance.on_assigned(_numbers(partitions))

    def _revoked(self, consumer: Consumer, partitions: Partitions) -> None:
        log.info("revoked", partitions=_numbers(partitions))
        self._rebalance.on_revoked(_numbers(partitions))
        self._forget(partitions)
        consumer.incremental_unassign(partitions)

    def _lost(self, consumer: Consumer, partitions: Partitions) -> None:
        log.warning("lost", partitions=_numbers(partitions))
        self._rebalance.on_lost(_numbers(partitions))
        self._forget(partitions)
        consumer.incremental_unassign(partitions)

    def _forget(self, partitions: Partitions) -> None:
        for partition in _numbers(partitions):
            self._kept.drop(partition)

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            pass_over(error, self._topic)
        return error is None


def _numbers(partitions: Partitions) -> list[int]:
    return sorted(place.partition for place in partitions)


def _retried(request: Callable[[], object]) -> None:
    """A partition that was assigned a moment ago is not ready to be sought yet; a little later it is."""
    deadline = time.monotonic() + SEEK_TIMEOUT_S
    while True:
        try:
            request()
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE or time.monotonic() > deadline:  # noqa: SLF001
                raise
            time.sleep(0.01)
        else:
            return
