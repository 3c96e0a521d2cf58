"""What is written of a partition's chunks, and what is found of them on the topic."""

import struct
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import CHUNKS, FORMAT, State, advance
from fraud_detector.found import Found
from fraud_detector.settings import StateSettings
from fraud_detector.snapshots import MOST_WORDS, Lineage, Part, SnapshotError, decoded, encoded, new_lineage
from fraud_detector.snapshotting import Snapshots
from fraud_detector.transaction import Output
from tests.support.pipeline import transactions

LINEAGE = Lineage(id=7, origin=100, partitions=3)
RUNS = [np.arange(0, dtype=np.int64)]


def state_of(rows: int, users: int) -> State:
    state = State()
    unknown = ("device_id", "latitude", "longitude", "session_started_at", "merchant_category")
    advance(state, transactions(0, rows, users).with_columns(**{name: pl.lit(None) for name in unknown}))
    return state


def records(lineage: Lineage, chunk: int, offset: int, parts: int = 1) -> list[tuple[str, bytes]]:
    return list(encoded(lineage, chunk, offset, RUNS * parts))


def found(log: list[tuple[str, bytes]]) -> Found:
    one = Found()
    for _, value in log:
        one.add(value)
    return one


def test_a_record_tells_what_was_written() -> None:
    runs = state_of(500, 90).dump(3, 400)

    parts = [decoded(value) for _, value in encoded(LINEAGE, 3, 170, runs)]

    assert [(part.lineage, part.chunk, part.offset, part.parts) for part in parts] == [
        (LINEAGE, 3, 170, len(runs)) for _ in runs
    ]
    assert [part.part for part in parts] == list(range(len(runs)))
    for part, run in zip(parts, runs, strict=True):
        assert part.words().tolist() == run.tolist()


def test_a_record_of_the_most_words_stays_below_512_kib_however_badly_it_compresses() -> None:
    words = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, MOST_WORDS, dtype=np.int64)

    size = len(pa.Codec("lz4_raw").compress(words, asbytes=True))

    assert size + 100 < 512 * 1024


@pytest.mark.parametrize("value", [b"", b"x", struct.pack(">H", FORMAT), struct.pack(">H", 99) + bytes(60)])
def test_what_is_no_snapshot_of_this_format_is_refused(value: bytes) -> None:
    with pytest.raises(SnapshotError, match=f"and this version reads {FORMAT}"):
        decoded(value)


def test_damaged_bytes_are_refused_and_not_loaded() -> None:
    (_, value), *_ = encoded(LINEAGE, 0, 0, state_of(500, 2000).dump(9, 60_000))

    with pytest.raises(SnapshotError, match="damaged"):
        decoded(value[:-3]).words()


def test_without_snapshots_all_retained_input_is_replayed() -> None:
    assert Found().offsets(partitions=3, first=0, committed=90).tolist() == [0] * CHUNKS


def test_without_snapshots_an_input_that_lacks_its_beginning_is_not_enough() -> None:
    with pytest.raises(SnapshotError, match="no snapshots, and the input begins at 40"):
        Found().offsets(partitions=3, first=40, committed=90)


def test_the_first_transaction_of_a_lineage_writes_a_chunk_so_that_the_lineage_is_known() -> None:
    run = Run(records=10**6)
    run.snapshots.begin(5, Lineage(9, 1000, 3), np.full(CHUNKS, 1000, dtype=np.int64), 1000)

    assert len(run.commit(1)) == 1
    assert run.commit(1) == []


def test_the_latest_snapshot_of_a_chunk_counts_and_the_others_begin_at_the_origin() -> None:
    log = records(LINEAGE, 1, 200) + records(LINEAGE, 2, 210) + records(LINEAGE, 1, 300)

    offsets = found(log).offsets(partitions=3, first=100, committed=400)

    assert (offsets[1], offsets[2], offsets[3]) == (300, 210, 100)


def test_what_an_earlier_lineage_left_behind_is_ignored() -> None:
    log = records(LINEAGE, 1, 200) + records(LINEAGE, 2, 900) + records(Lineage(8, 50, 3), 1, 60)

    offsets = found(log).offsets(partitions=3, first=0, committed=70)

    assert (offsets[1], offsets[2]) == (60, 50)


def test_records_of_another_format_count_only_if_they_are_the_latest() -> None:
    other = ("1/0", struct.pack(">H", 99))
    upgraded = found([other, *records(LINEAGE, 1, 200)])

    assert upgraded.offsets(partitions=3, first=100, committed=400)[1] == 200
    with pytest.raises(SnapshotError, match="format 99"):
        found([*records(LINEAGE, 1, 200), other]).offsets(partitions=3, first=100, committed=400)


@pytest.mark.parametrize(
    ("partitions", "first", "committed", "says"),
    [
        (4, 100, 400, "an input of 3 partitions, and it has 4"),
        (3, 100, 150, "only 150 is committed"),
        (3, 101, 400, "retains only what is from 101 on"),
    ],
)
def test_snapshots_that_do_not_lead_to_the_committed_offset_are_refused(
    partitions: int, first: int, committed: int, says: str
) -> None:
    with pytest.raises(SnapshotError, match=says):
        found(records(LINEAGE, 1, 200)).offsets(partitions, first, committed)


@given(
    writes=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans()), min_size=1, max_size=12),
    data=st.data(),
)
def test_it_makes_no_difference_how_much_of_the_log_was_compacted(
    writes: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    lineage, log = LINEAGE, []
    for number, (chunk, parts, anew) in enumerate(writes):
        lineage = new_lineage(100, 3) if anew else lineage
        log += records(lineage, chunk, 200 + number, parts)
    last = {key: place for place, (key, _) in enumerate(log)}
    compacted = [
        (key, value)
        for place, (key, value) in enumerate(log)
        if last[key] == place or not data.draw(st.booleans(), label=f"drop {key}")
    ]

    whole, rest = found(log), found(compacted)

    assert sorted(rest.parts(), key=place_of) == sorted(whole.parts(), key=place_of)
    assert rest.offsets(3, 100, 999).tolist() == whole.offsets(3, 100, 999).tolist()


def place_of(part: Part) -> tuple[int, int]:
    return part.chunk, part.part


class Run:
    """A partition whose snapshots are taken in transactions of some records each."""

    def __init__(self, records: int, seconds: int = 10**6, users: int = 50) -> None:
        settings = StateSettings(snapshot_cycle_records=records, snapshot_cycle_s=seconds)
        self.snapshots = Snapshots(settings, "pipe", "fraud_state")
        self.states, self.position, self.written = {5: state_of(users, users)}, 1000, list[Part]()
        self.snapshots.begin(5, LINEAGE, np.full(CHUNKS, 1000, dtype=np.int64), self.position)

    def commit(self, records: int) -> list[Output]:
        self.position += records
        positions = {5: self.position}
        due = self.snapshots.due(self.states, positions)
        outputs = list(self.snapshots.write(self.states, positions, due))
        self.snapshots.committed()
        self.written += [decoded(output.value or b"") for output in outputs]
        return outputs


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=20, max_size=60), cycle=st.sampled_from((100, 256, 3_000))
)
def test_every_chunk_is_written_within_a_cycle_and_a_transaction(sizes: list[int], cycle: int) -> None:
    run = Run(records=cycle)
    for size in sizes:
        run.commit(size)

    for chunk in range(CHUNKS):
        offsets = [1000, *(part.offset for part in run.written if part.chunk == chunk), run.position]
        assert max(later - earlier for earlier, later in pairwise(offsets)) <= cycle + 2 * max(sizes)


def test_no_more_users_are_written_than_there_are_transactions() -> None:
    run = Run(records=10, users=2_000)
    for _ in range(100):
        run.commit(50)

    assert sum(part.users for part in run.written) <= 1.1 * 100 * 50


def test_small_transactions_pay_together_for_a_chunk() -> None:
    run = Run(records=CHUNKS * 10)

    counts = [len(run.commit(1)) for _ in range(100)]

    assert sum(counts) == 10
    assert max(counts) == 1


def test_snapshots_of_an_aborted_transaction_are_due_again() -> None:
    run = Run(records=CHUNKS)
    run.position += 10
    due = run.snapshots.due(run.states, {5: run.position})
    first = [output.key for output in run.snapshots.write(run.states, {5: run.position}, due)]

    run.snapshots.aborted()

    assert [output.key for output in run.commit(0)] == first


class Clock:
    """Seconds that a test turns forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 10.0**6
        monkeypatch.setattr("fraud_detector.snapshotting.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def commits(run: Run, clock: Clock, seconds: list[float]) -> list[int]:
    """How many chunks are written at each of these moments, without input."""
    counts = []
    for passed in seconds:
        clock.now += passed
        counts.append(len(run.commit(0)))
    return counts


def test_without_new_input_each_chunk_is_written_once_by_time_and_then_none(clock: Clock) -> None:
    run = Run(records=10**6, seconds=CHUNKS)
    run.commit(1)

    counts = commits(run, clock, [2.5] * (CHUNKS // 2))

    assert sum(counts) == CHUNKS
    assert sum(counts[: round(CHUNKS / 2.5) + 1]) == CHUNKS, "no fraction of a chunk is lost"
    assert counts[-1] == 0


def test_after_a_rest_time_is_owed_anew(clock: Clock) -> None:
    run = Run(records=10**6, seconds=CHUNKS)
    run.commit(1)
    commits(run, clock, [1.0] * (CHUNKS + 1))
    commits(run, clock, [3_600.0])

    assert len(run.commit(1)) == 0
    assert commits(run, clock, [1.0, 1.0, 1.0]) == [1, 1, 1]


def test_what_a_worker_owes_that_slept_is_paid_in_small_pieces(clock: Clock) -> None:
    run = Run(records=10**6, seconds=CHUNKS * 10)
    run.commit(1)

    counts = commits(run, clock, [10**5, *[0.1] * (CHUNKS // 4)])

    assert max(counts) == 4
    assert sum(counts) == CHUNKS


def test_a_cycle_of_seconds_is_kept_all_the_same(clock: Clock) -> None:
    run = Run(records=10**6, seconds=2)
    run.commit(1)

    assert commits(run, clock, [1.0, 1.0, 1.0]) == [CHUNKS // 2, CHUNKS // 2, 0]


def test_records_go_to_the_partition_of_their_input_under_a_key_of_their_own() -> None:
    outputs = Run(records=CHUNKS).commit(3)

    assert {output.partition for output in outputs} == {5}
    assert {output.topic for output in outputs} == {"fraud_state"}
    assert [output.key for output in outputs] == [b"pipe/5/0/0", b"pipe/5/1/0", b"pipe/5/2/0"]
