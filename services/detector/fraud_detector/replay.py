"""Reads input again that was decided before, up to the committed offset of each partition."""

from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from fraud_core.polling import polled
from fraud_detector.records import Records, group
from fraud_detector.settings import DetectorSettings
from fraud_detector.source import consumer_config, pass_over

GONE = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001 - librdkafka's own name for it
EXPECTED = {GONE, KafkaError._PARTITION_EOF}  # noqa: SLF001 - as above


@dataclass
class Replay:
    """One partition on its way: records before `end` are read, `position` is the next."""

    position: int
    end: int


@dataclass(frozen=True)
class Step:
    """What a step brought.

    Attributes:
        records: the next ones, in order.
        done: partitions that are through.
        overtaken: partitions of which the next record is not retained any more; they are read no further.
    """

    records: Records
    done: set[int]
    overtaken: set[int]


class Replays:
    """The input, as the partitions that are being restored need it."""

    def __init__(self, settings: DetectorSettings) -> None:
        """Asks for nothing yet."""
        self._settings = settings
        self._replays: dict[int, Replay] = {}
        self._done: set[int] = set()
        self._overtaken: set[int] = set()
        self._consumer: Consumer | None = None

    def add(self, partition: int, begin: int, end: int) -> None:
        """Read the records from `begin` to before `end`."""
        if begin >= end:
            self._done.add(partition)
            return
        self._replays[partition] = Replay(begin, end)
        self._reader().incremental_assign([self._place(partition, begin)])

    def drop(self, partition: int) -> None:
        """Read no further."""
        self._done.discard(partition)
        self._overtaken.discard(partition)
        if self._replays.pop(partition, None):
            self._reader().incremental_unassign([self._place(partition)])

    def step(self, wait_s: float) -> Step:
        """The next records, waiting so long for the first.

        Raises:
            ConfigError: the cluster does not let this worker read the input.
        """
        came: list[Message] = []
        if self._replays:
            came = polled(self._reader(), self._settings.batch.max_records, wait_s)
        wanted = group(message for message in came if self._wanted(message))
        done, self._done = self._done, set()
        overtaken, self._overtaken = self._overtaken, set()
        return Step(wanted, done, overtaken)

    def left(self) -> dict[int, int]:
        """For each partition how many records are still to be read."""
        return {partition: replay.end - replay.position for partition, replay in self._replays.items()}

    def close(self) -> None:
        """Close the consumer."""
        if self._consumer:
            self._consumer.close()
            self._consumer = None

    def _reader(self) -> Consumer:
        if self._consumer is None:
            # Retention may overtake a replay: an error, as the client would go on where records are again.
            config = consumer_config(self._settings) | {
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
            }
            self._consumer = Consumer(config | {"group.id": f"{self._settings.pipeline}-restore"})
        return self._consumer

    def _wanted(self, message: Message) -> bool:
        partition, offset, error = message.partition(), message.offset(), message.error()
        if error is not None and error.code() not in EXPECTED:
            pass_over(error, self._settings.topics.transactions)
            return False
        replay = self._replays.get(-1 if partition is None else partition)
        if partition is None or offset is None or replay is None:
            return False
        if error is None:
            replay.position = offset + 1
        elif error.code() == GONE:
            self.drop(partition)
            self._overtaken.add(partition)
            return False
        else:
            replay.position = max(replay.position, offset)
        if replay.position >= replay.end:
            self.drop(partition)
            self._done.add(partition)
        return error is None and offset < replay.end

    def _place(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._settings.topics.transactions, partition, offset)
