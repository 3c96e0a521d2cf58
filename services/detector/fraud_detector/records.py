"""Records as read, by partition: what a batch is made of before anything is known about its content."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Records:
    """Messages of one batch, grouped by partition, each partition in offset order.

    Attributes:
        messages: as the client gave them.
        partitions: of each message, shape (messages,), rising.
    """

    messages: Sequence[Message]
    partitions: Ints

    @cached_property
    def times(self) -> Ints:
        """Kafka timestamps in milliseconds; 0 where the broker gave none."""
        pairs = chain.from_iterable(map(Message.timestamp, self.messages))
        table = np.fromiter(pairs, np.int64, 2 * len(self)).reshape(len(self), 2)
        return np.where(table[:, 0] == TIMESTAMP_NOT_AVAILABLE, 0, table[:, 1])

    @cached_property
    def positions(self) -> Ints:
        """Offsets, one a message."""
        offsets: Iterable[Any] = map(Message.offset, self.messages)
        return np.fromiter(offsets, np.int64, len(self))

    @cached_property
    def spans(self) -> list[tuple[int, int, int]]:
        """For each partition: its number, the place of its first message, and that after its last."""
        starts = np.flatnonzero(np.diff(self.partitions, prepend=-2)).tolist()
        ends = [*starts[1:], len(self)]
        return list(zip(self.partitions[starts].tolist(), starts, ends, strict=True)) if starts else []

    @property
    def offsets(self) -> dict[int, int]:
        """For each partition the offset after its last record: what a commit of the batch says."""
        return {partition: (self.messages[end - 1].offset() or 0) + 1 for partition, _, end in self.spans}

    def of(self, partitions: Collection[int]) -> "Records":
        """Only the records of these partitions."""
        strangers = [partition for partition, _, _ in self.spans if partition not in partitions]
        return self.pick(np.flatnonzero(~np.isin(self.partitions, strangers))) if strangers else self

    def places_before(self, offsets: Mapping[int, int]) -> Ints:
        """The places of the records before these offsets; partitions without one are kept whole."""
        keep = np.ones(len(self), dtype=bool)
        for partition, first, end in self.spans:
            if partition in offsets:
                keep[first:end] = self.positions[first:end] < offsets[partition]
        return np.flatnonzero(keep)

    def since(self, partition: int, offset: int) -> Sequence[Message]:
        """The messages of a partition from this offset on."""
        return next(
            self.messages[first + int(np.searchsorted(self.positions[first:end], offset)) : end]
            for number, first, end in self.spans
            if number == partition
        )

    def without(self, excluded: Iterable[Message]) -> "Records":
        """All but these messages."""
        out = {id(message) for message in excluded}
        if not out:
            return self
        return self.pick(
            np.array([place for place, one in enumerate(self.messages) if id(one) not in out], np.int64)
        )

    def pick(self, places: Ints) -> "Records":
        """Those at these places, which rise."""
        if len(places) == len(self):
            return self
        return Records([self.messages[place] for place in places.tolist()], self.partitions[places])

    def __len__(self) -> int:
        """How many records."""
        return len(self.messages)


def group(messages: Iterable[Message]) -> Records:
    """Group by partition; a stable sort, so that each partition keeps its order."""
    listed = list(messages)
    numbers: Iterable[Any] = map(Message.partition, listed)
    partitions = np.fromiter(numbers, np.int64, len(listed))
    if np.all(partitions[:-1] <= partitions[1:]):
        return Records(listed, partitions)
    order = np.argsort(partitions, kind="stable")
    return Records([listed[place] for place in order.tolist()], partitions[order])
