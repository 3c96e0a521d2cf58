"""Any stream, any batches, any partitions, any aborts and crashes: the same features of all kinds.

What comes from elsewhere is held fixed: labels, logins, networks, and what other partitions have published,
as it arrives on its own time. Times wander within a week: of what is further apart some may be forgotten, see
`docs/side-tables.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import CHUNKS, SideTables, Span, State, advance_each, chunks_of
from fraud_core.features.side import SAMPLE, Counts, Logins, Networks, read_networks
from fraud_detector.found import Found
from fraud_detector.settings import StateSettings
from fraud_detector.side_records import (
    CATEGORIES,
    MERCHANTS,
    SideRecord,
    decoded,
    device_records,
    encoded,
    key_of,
)
from fraud_detector.snapshots import new_lineage
from fraud_detector.snapshotting import Snapshots
from tests.unit.core.features.reference import DAY, HOUR, Known, Label, Login, Transaction
from tests.unit.core.features.streams import AMOUNTS, START, frame, label_frame, login_frame, rows

DELAY_H = 2
USERS = ("u", "v", "w", "x", "y")
ADDRESSES = pl.Series(["24.1.2.3", "49.0.0.1", "45.9.9.9", "::1", None])
Log = list[tuple[str, bytes | None]]


@cache
def sample() -> Networks:
    return read_networks(SAMPLE)


@st.composite
def streams(draw: st.DrawFn) -> list[Transaction]:
    drawn = []
    for _ in range(draw(st.integers(1, 40))):
        step = draw(st.sampled_from((HOUR, 3 * HOUR, DAY))) * draw(st.integers(0, 6)) + draw(
            st.integers(0, HOUR)
        )
        names = st.sampled_from(("a", "a", "b", "", None))
        drawn.append(
            Transaction(
                user=draw(st.sampled_from(USERS)),
                time=START + step,
                amount=draw(AMOUNTS),
                location=draw(st.sampled_from(("US", "IN", None))),
                device_id=draw(names),
                merchant=draw(names),
                category=draw(names),
            )
        )
    return drawn


def batch(stream: Sequence[Transaction]) -> pl.DataFrame:
    """Transactions with addresses, which depend on their amounts."""
    whole = frame(stream)
    places = (whole["amount"] * 100).cast(pl.Int64) % ADDRESSES.len()
    return whole.with_columns(ip=ADDRESSES.gather(places))


@dataclass(frozen=True)
class Fixed:
    """What comes from elsewhere."""

    labels: pl.DataFrame
    logins: pl.DataFrame
    published: Log

    def tables(self) -> SideTables:
        side, logins = SideTables(DELAY_H, shared=True), Logins()
        side.networks, side.logins = sample(), logins
        side.labels.learn(self.labels)
        logins.learn(self.logins)
        for key, value in self.published:
            learn(side, key, value)
        return side


def learn(side: SideTables, key: str, value: bytes | None) -> SideRecord:
    record = decoded(key, value, "pipe")
    assert record
    if record.of_devices:
        side.devices.learn(record.partition, record.entries)
    elif record.slot is not None and record.offset is None:
        counts_of(side)[record.counted].drop(record.partition, record.slot)
    elif record.slot is not None and record.offset is not None:
        counts = counts_of(side)[record.counted]
        counts.learn(record.partition, record.slot, record.offset, record.entries)
    return record


def counts_of(side: SideTables) -> dict[str, Counts]:
    return {MERCHANTS: side.merchants, CATEGORIES: side.categories}


def publication(side: SideTables, partition: int, offset: int) -> Log:
    """What is due of a partition, as records."""
    log: Log = []
    for of, counts in counts_of(side).items():
        log += [(key_of("pipe", partition, f"{of}{slot}"), None) for slot in counts.old_slots(partition)]
        for slot, found in counts.dump(partition).items():
            log.append((key_of("pipe", partition, f"{of}{slot}"), encoded(offset, found)))
    pairs = device_records(offset, side.devices.dump(partition))
    log += [(key_of("pipe", partition, name), encoded(offset, found)) for name, found in pairs]
    return [*log, (key_of("pipe", partition), encoded(offset))]


def decide(state: State, side: SideTables, stream: Sequence[Transaction], partition: int) -> list[Known]:
    whole = batch(stream)
    return rows(advance_each([Span(state, 0, whole.height, partition)], whole, side))


class Worker:
    """What a worker does with a partition, and what of it is committed: decisions and what it wrote."""

    def __init__(self, stream: list[Transaction], partition: int, fixed: Fixed, cycle: int) -> None:
        self.stream, self.partition, self.fixed, self.cycle = stream, partition, fixed, cycle
        self.decided: list[Known] = []
        self.snapshots_log: list[bytes] = []
        self.side_log: Log = []
        self.restore()

    def restore(self) -> None:
        """Begin as a new process does: with what is committed, and nothing else."""
        found, committed = Found(), len(self.decided)
        for value in self.snapshots_log:
            found.add(value)
        offsets = found.offsets(1, 0, committed)
        self.state = State()
        for part in found.parts():
            self.state.load(part.words())
        replayed = batch(self.stream[:committed])
        after = np.arange(committed) >= offsets[chunks_of(replayed["user"])]
        left = replayed.filter(after)
        advance_each([Span(self.state, 0, left.height, self.partition)], left)
        self.state.savepoint()
        self.snapshots = Snapshots(StateSettings(snapshot_cycle_records=self.cycle), "pipe", "fraud_state")
        self.snapshots.begin(self.partition, found.lineage or new_lineage(0, 1), offsets, committed)
        self.side, begin = self.fixed.tables(), 0
        for key, written in self.side_log:
            record = learn(self.side, key, written)
            begin = record.offset or 0 if record.name == "offset" else begin
        self.side.count(replayed[begin:], self.partition)
        self.side.savepoint(self.partition)

    def transaction(self, batches: list[int], publishes: bool, end: str) -> None:  # noqa: FBT001 - drawn
        """Decide some batches, write what is due, and then commit, abort, or die before either."""
        decided: list[Known] = []
        for size in batches:
            first = len(self.decided) + len(decided)
            decided += decide(self.state, self.side, self.stream[first : first + size], self.partition)
        offset = len(self.decided) + len(decided)
        states, positions = {self.partition: self.state}, {self.partition: offset}
        due = self.snapshots.due(states, positions)
        outputs = list(self.snapshots.write(states, positions, due))
        published = publication(self.side, self.partition, offset) if publishes else []
        if end == "commit":
            self.decided += decided
            self.snapshots_log += [output.value or b"" for output in outputs]
            self.state.savepoint()
            self.snapshots.committed()
            self.side.savepoint(self.partition)
            self.published(published, offset)
        elif end == "abort":
            self.state.roll_back()
            self.snapshots.aborted()
            self.side.roll_back(self.partition)
        else:
            self.restore()

    def published(self, log: Log, offset: int) -> None:
        """What was written is on the topic; the worker goes on with its own memory of it."""
        if not log:
            return
        self.side_log += log
        for counts in counts_of(self.side).values():
            slots, old = counts.dump(self.partition), counts.old_slots(self.partition)
            for slot in old:
                counts.drop(self.partition, slot)
            counts.published(self.partition, offset, slots)
        self.side.devices.published(self.partition)


def fixed_of(stream: list[Transaction], published: Log) -> Fixed:
    """Every third transaction is labelled after an hour, and every user logs in and fails to now and then."""
    labels = [
        Label(f"t{number}", one.time, number % 2 == 0, one.time + HOUR, one.merchant, one.user, one.category)
        for number, one in enumerate(stream[::3])
    ]
    logins = [Login(one.user, one.time - 60_000, number % 3 > 0) for number, one in enumerate(stream)]
    return Fixed(label_frame(labels), login_frame(logins), published)


TRANSACTIONS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 9), max_size=3),
        st.booleans(),
        st.sampled_from(("commit", "commit", "abort", "crash")),
    ),
    max_size=9,
)


@settings(max_examples=60)
@given(
    stream=streams(),
    partitions=st.integers(1, 3),
    steps=TRANSACTIONS,
    cycle=st.sampled_from((1, 7, 20, CHUNKS, 1_000)),
)
def test_decisions_equal_those_of_an_undisturbed_run(
    stream: list[Transaction], partitions: int, steps: list[tuple[list[int], bool, str]], cycle: int
) -> None:
    dealt = [[one for one in stream if USERS.index(one.user) % partitions == p] for p in range(partitions)]
    for partition, mine in enumerate(dealt):
        others: Log = []
        for other, theirs in enumerate(dealt):
            if other != partition:
                side = SideTables(DELAY_H, shared=True)
                side.count(batch(theirs), other)
                others += publication(side, other, len(theirs))
        fixed = fixed_of(stream, others)

        worker = Worker(mine, partition, fixed, cycle)
        for step in steps:
            worker.transaction(*step)
        worker.restore()
        worker.transaction([len(mine)], publishes=False, end="commit")

        assert worker.decided == decide(State(), fixed.tables(), mine, partition)
