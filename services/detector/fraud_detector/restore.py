"""Rebuilds the state of newly assigned partitions by replaying what was decided before, without output.

A partition's state is a function of the records before its committed offset, so reading them again gives it
back exactly. This runs in slices between the batches of the other partitions.
"""

import time
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud_core.log import logger
from fraud_detector.records import Records, group
from fraud_detector.settings import DetectorSettings
from fraud_detector.source import consumer_config

log = logger(__name__)
TIMEOUT_S = 10.0
PROGRESS_S = 1.0


@dataclass
class Replay:
    """One partition on its way: records before `end` are read, `position` is the next."""

    position: int
    end: int


@dataclass
class Restorer:
    """Replays partitions up to their committed offsets.

    Attributes:
        ready: partition -> offset at which deciding begins, for partitions whose replay is over.
    """

    settings: DetectorSettings
    group_consumer: Consumer
    ready: dict[int, int] = field(default_factory=dict)
    _waiting: set[int] = field(default_factory=set)
    _replays: dict[int, Replay] = field(default_factory=dict)
    _consumer: Consumer | None = None
    _told: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether some partition is not ready yet."""
        return bool(self._waiting or self._replays)

    def add(self, partition: int) -> None:
        """Begin with this partition; asks the brokers nothing yet, so it may be called in a rebalance."""
        self.drop(partition)
        self._waiting.add(partition)

    def drop(self, partition: int) -> None:
        """Forget this partition, whatever its stage."""
        self._waiting.discard(partition)
        self.ready.pop(partition, None)
        if self._replays.pop(partition, None) and self._consumer:
            self._consumer.incremental_unassign([self._place(partition)])

    def step(self) -> Records:
        """One slice: the next records to replay, in order; moves partitions that are through to `ready`."""
        for partition in list(self._waiting):
            self._open(partition)
        if not self._replays or self._consumer is None:
            return group(())
        messages = self._consumer.consume(self.settings.batch.max_records, 0.05)
        wanted = group(message for message in messages if self._wanted(message))
        self._tell()
        return wanted

    def close(self) -> None:
        """Close the consumer that replays."""
        if self._consumer:
            self._consumer.close()
            self._consumer = None

    def _open(self, partition: int) -> None:
        try:
            begin, committed = self._range(partition)
        except KafkaException as error:
            log.warning("restore_waits", partition=partition, reason=str(error))
            return
        self._waiting.discard(partition)
        if committed <= begin:
            self.ready[partition] = begin
            return
        log.info("restoring", partition=partition, records=committed - begin)
        self._replays[partition] = Replay(begin, committed)
        self._replaying().incremental_assign([self._place(partition, begin)])

    def _range(self, partition: int) -> tuple[int, int]:
        """First retained offset and the committed one; the first again where nothing valid is committed."""
        low, high = self.group_consumer.get_watermark_offsets(self._place(partition), TIMEOUT_S)
        committed = self.group_consumer.committed([self._place(partition)], TIMEOUT_S)[0].offset
        if committed < 0:
            return low, low
        if not low <= committed <= high:
            log.warning(
                "committed_offset_not_retained", partition=partition, committed=committed, low=low, high=high,
                now="starting at the first retained record",
            )  # fmt: skip
            return low, low
        return low, committed

    def _replaying(self) -> Consumer:
        if self._consumer is None:
            config = consumer_config(self.settings) | {"enable.partition.eof": True}
            self._consumer = Consumer(config | {"group.id": f"{self.settings.pipeline}-restore"})
        return self._consumer

    def _wanted(self, message: Message) -> bool:
        partition = message.partition()
        replay = self._replays.get(-1 if partition is None else partition)
        if partition is None or replay is None:
            return False
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name for it
                self._finish(partition, replay)
            return False
        replay.position = (message.offset() or 0) + 1
        if replay.position >= replay.end:
            self._finish(partition, replay)
        return replay.position <= replay.end

    def _finish(self, partition: int, replay: Replay) -> None:
        self.drop(partition)
        self.ready[partition] = replay.end

    def _tell(self) -> None:
        if self._replays and time.monotonic() - self._told > PROGRESS_S:
            self._told = time.monotonic()
            left = {partition: replay.end - replay.position for partition, replay in self._replays.items()}
            log.info("restoring", records_left=left)

    def _place(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self.settings.topics.transactions, partition, offset)
