"""In a replay no partition runs away from the others in event time, and none waits for ever."""

from collections.abc import Iterator
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
HOUR, DAY = 3_600_000, 86_400_000


class Clock:
    """Seconds that a test turns forward."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module", autouse=True)
def standing_clock() -> Iterator[None]:
    """However busy the machine is, nobody runs out of patience but where a test says so."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(alignment, "monotonic", Clock())
        yield


Streams = list[list[int]]
"""For each partition the event times of its records, in ms."""


class Replay:
    """Partitions that are read in any order, and what was decided of them."""

    def __init__(self, streams: Streams, apart: int = APART) -> None:
        self.streams = streams
        self.alignment = Alignment(apart, lambda partition, offset: offset < len(streams[partition]))
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


@settings(max_examples=100)
@given(
    streams=st.lists(times, min_size=1, max_size=4),
    wrong=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 25), st.integers(2 * DAY, 10_000 * DAY)), max_size=15
    ),
    polls=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), max_size=9),
)
def test_records_far_ahead_of_their_own_partition_pass_and_change_nothing_for_the_others(
    streams: Streams, wrong: list[tuple[int, int, int]], polls: list[list[int]]
) -> None:
    mixed = [list(stream) for stream in streams]
    for partition, place, time in wrong:
        mixed[partition % len(mixed)].insert(place, time)
    replay = Replay(mixed)
    for sizes in [*polls, *[[9, 9, 9, 9]] * (4 * 25)]:
        if not replay.left:
            break
        replay.poll(sizes)
        following = [mixed[one][replay.positions[one]] for one in replay.alignment.ahead]
        assert max(following, default=0) < DAY

    assert replay.left == 0
    right = [(one, mixed[one][place]) for one, place in replay.decided if mixed[one][place] < DAY]
    done = [0] * len(streams)
    for partition, time in right:
        behind = [
            streams[other][done[other]]
            for other in range(len(streams))
            if other != partition and done[other] < len(streams[other])
        ]
        assert all(time <= least + APART for least in behind)
        done[partition] += 1


def test_one_record_far_ahead_in_time_holds_up_nothing_while_the_others_go_on() -> None:
    live = [number * 1_000 for number in range(100)]
    replay = Replay([[*live[:5], 120 * DAY, *live[5:]], live], apart=84 * HOUR)

    for _ in range(20):
        replay.poll([6, 5])
        assert replay.alignment.ahead == set()

    assert (0, 100) in replay.decided


def test_a_first_record_far_ahead_in_time_says_nothing_of_its_partition_either() -> None:
    live = [number * 1_000 for number in range(100)]
    replay = Replay([[120 * DAY, *live], live], apart=84 * HOUR)

    for _ in range(20):
        replay.poll([6, 5])
        assert replay.alignment.ahead == set()

    assert (0, 100) in replay.decided


def test_sixteen_in_a_row_are_a_gap_in_the_input_behind_which_the_partition_waits() -> None:
    later = [3 * DAY + number for number in range(30)]
    replay = Replay([[0, *later], [0, 1, *later]])

    replay.poll([31, 1])

    assert [offset for partition, offset in replay.decided if partition == 0] == list(range(16))
    assert replay.alignment.ahead == {0}
    replay.poll([0, 1])
    assert replay.alignment.ahead == {0}
    for _ in range(4):
        replay.poll([31, 16])
    assert replay.left == 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(alignment, "monotonic", found)
    return found


def skewed(apart: int, skew: int, length: int = 400) -> Replay:
    """Two partitions with a record a second, of which the first is so much ahead in time."""
    behind = [number * 1_000 for number in range(length)]
    return Replay([[time + skew for time in behind], behind], apart)


def test_nobody_waits_for_long_where_the_others_go_on_no_faster_than_the_clock(clock: Clock) -> None:
    replay = skewed(apart=30 * 60_000, skew=31 * 60_000)
    waited = 0
    for _ in range(300):
        clock.now += 1
        replay.poll([1_000, 1])
        waited += bool(replay.alignment.ahead)

    assert waited <= 11, "once, as long as it takes to see it"
    assert len([1 for partition, _ in replay.decided if partition == 0]) == 400


def test_a_replay_is_waited_for_however_long_that_takes(clock: Clock) -> None:
    replay = skewed(apart=100_000, skew=3_600_000)

    for _ in range(80):
        clock.now += 1
        replay.poll([1_000, 5])
        assert (0, 0) not in replay.decided
    assert replay.alignment.ahead == {0}


def test_who_waits_for_seconds_is_told_of(clock: Clock) -> None:
    replay = skewed(apart=100_000, skew=3_600_000)
    replay.poll([1_000, 5])
    assert (replay.alignment.ahead, replay.alignment.waiting) == ({0}, set())

    clock.now += 5

    assert replay.alignment.waiting == {0}
