"""Records as read, by partition: what a batch is made of before anything is known about its content."""

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message


@dataclass(frozen=True)
class Records:
    """Messages of one batch, grouped by partition, each partition in offset order."""

    messages: tuple[Message, ...]
    partitions: tuple[int, ...]

    @property
    def offsets(self) -> dict[int, int]:
        """For each partition the offset after its last record: what a commit of the batch says."""
        return {
            partition: (message.offset() or 0) + 1
            for partition, message in zip(self.partitions, self.messages, strict=True)
        }

    def of(self, partitions: Iterable[int]) -> "Records":
        """Only the records of these partitions."""
        wanted = set(partitions)
        return group(message for message in self.messages if message.partition() in wanted)

    def without(self, excluded: Iterable[Message]) -> "Records":
        """All but these messages."""
        out = {id(message) for message in excluded}
        if not out:
            return self
        return group(message for message in self.messages if id(message) not in out)

    def __len__(self) -> int:
        """How many records."""
        return len(self.messages)


def group(messages: Iterable[Message]) -> Records:
    """Group by partition; a stable sort, so that each partition keeps its order."""
    ordered = sorted(messages, key=_partition)
    return Records(tuple(ordered), tuple(map(_partition, ordered)))


def _partition(message: Message) -> int:
    partition = message.partition()
    return -1 if partition is None else partition


def kafka_time(message: Message) -> int:
    """The record's Kafka timestamp in milliseconds; 0 where the broker gave none."""
    kind, milliseconds = message.timestamp()
    return 0 if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds
