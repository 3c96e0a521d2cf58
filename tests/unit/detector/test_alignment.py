"""In a replay no partition runs away from the others in event time, and none waits for ever."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from confluent_kafka import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.avro.types import arrow_type
from fraud_detector import alignment
from fraud_detector.alignment import Alignment
from fraud_detector.reading import Read
from fraud_detector.records import group

APART = 100
Streams = list[list[int]]
"""For each partition the event times of its records, in ms."""


class Replay:
    """Partitions that are read in any order, and what was decided of them."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self.alignment = Alignment(APART, lambda partition, offset: offset < len(streams[partition]))
        self.positions = [0] * len(streams)
        self.decided: list[tuple[int, int]] = []
        for partition in range(len(streams)):
            self.alignment.begin(partition, 0)

    def poll(self, sizes: list[int]) -> None:
        """Read so many records of each partition that flows, and decide what may be decided."""
        self.alignment.release()
        sizes = [
            0 if number in self.alignment.ahead else size
            for number, size in zip(range(len(self.streams)), sizes, strict=False)
        ]
        batch = [
            (partition, offset)
            for partition, size in enumerate(sizes)
            for offset in range(len(self.streams[partition]))[self.positions[partition] :][:size]
        ]
        read = self.read(batch)
        read = read.before(self.alignment.cut(read))
        for message in read.records.messages:
            partition, offset = message.partition() or 0, message.offset() or 0
            self.positions[partition] = offset + 1
            self.decided.append((partition, offset))

    def read(self, batch: list[tuple[int, int]]) -> Read:
        messages = [Message(topic="", partition=partition, offset=offset) for partition, offset in batch]
        rows = [
            {
                "transaction_id": "t",
                "user": "u",
                "amount": 1.0,
                "timestamp": datetime.fromtimestamp(self.streams[partition][offset] / 1000, UTC),
            }
            for partition, offset in batch
        ]
        return Read(group(messages), pa.RecordBatch.from_pylist(rows, schema=arrow_type("Transaction")), ())

    @property
    def left(self) -> int:
        return sum(map(len, self.streams)) - len(self.decided)


times = st.lists(st.integers(0, 2_000), max_size=25).map(lambda found: [0, *sorted(found)])
"""All begin at once: where one begins is not known before its first record has come."""


@settings(max_examples=200)
@given(
    streams=st.lists(times, min_size=1, max_size=4),
    polls=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), max_size=9),
)
def test_nothing_is_decided_further_ahead_than_allowed_and_all_is_in_the_end(
    streams: Streams, polls: list[list[int]]
) -> None:
    replay = Replay(streams)
    for sizes in [*polls, *[[3, 3, 3, 3]] * (4 * 25)]:
        replay.poll(sizes)

    assert replay.left == 0
    assert all(
        [n for p, n in replay.decided if p == one] == list(range(len(streams[one])))
        for one in range(len(streams))
    )
    done = [0] * len(streams)
    for partition, offset in replay.decided:
        behind = [
            streams[other][done[other]]
            for other in range(len(streams))
            if other != partition and done[other] < len(streams[other])
        ]
        assert all(streams[partition][offset] <= time + APART for time in behind)
        done[partition] += 1


def test_what_is_held_back_goes_on_once_the_others_have_come_closer() -> None:
    replay = Replay([[0, 50, 300, 350], [0, 120, 240, 300]])

    replay.poll([4, 1])
    assert replay.alignment.ahead == {0}
    replay.poll([4, 1])
    assert replay.alignment.ahead == {0}
    replay.poll([4, 2])
    assert [offset for partition, offset in replay.decided if partition == 0] == [0, 1]
    replay.poll([4, 2])
    assert replay.left == 0


def test_a_partition_that_seems_to_have_more_and_gives_nothing_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replay = Replay([[0, 1_000], [0, 10]])
    replay.poll([2, 1])
    assert replay.alignment.ahead == {0}

    monkeypatch.setattr(alignment, "PATIENCE_S", 0.0)
    replay.poll([2, 0])

    assert replay.alignment.ahead == set()
    assert (0, 1) in replay.decided


def test_one_partition_alone_is_never_held_back() -> None:
    replay = Replay([[0, 10_000, 90_000]])

    replay.poll([3])

    assert replay.left == 0
