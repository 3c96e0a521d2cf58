"""What a partition publishes is what it counted, through any aborts, crashes and moves to other workers."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import SideTables, State, advance
from fraud_core.features.side import counts as counting
from fraud_detector.side_records import (
    CATEGORIES,
    MERCHANTS,
    decoded,
    device_records,
    encoded,
    key_of,
)
from tests.unit.core.features.reference import Transaction
from tests.unit.core.features.streams import START, frame, rows, transactions

PARTITION = 3


@pytest.fixture(scope="module", autouse=True)
def few_parts() -> Iterator[None]:
    """So that batches are put together which were committed, and were not published yet."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(counting, "MOST_PARTS", 1)
        yield


class Worker:
    """Counts a partition, and what of that is committed: an offset, and records of the side table."""

    def __init__(self, stream: list[Transaction]) -> None:
        self.stream, self.committed = stream, 0
        self.log: list[tuple[str, bytes | None]] = []
        self.restore()

    def restore(self) -> None:
        """Begin as a new process does."""
        self.side, begin = SideTables(1, shared=True), 0
        self.counts = {MERCHANTS: self.side.merchants, CATEGORIES: self.side.categories}
        for key, value in self.log:
            record = decoded(key, value, "pipe")
            assert record
            if record.of_devices:
                self.side.devices.learn(PARTITION, record.entries)
            elif record.slot is None:
                begin = record.offset or 0
            elif record.offset is None:
                self.counts[record.counted].drop(PARTITION, record.slot)
            else:
                counts = self.counts[record.counted]
                counts.learn(PARTITION, record.slot, record.offset, record.entries)
        self.side.count(frame(self.stream[begin : self.committed]), PARTITION)
        self.side.savepoint(PARTITION)

    def transaction(self, size: int, publishes: bool, end: str) -> None:  # noqa: FBT001 - drawn
        """Count some transactions, publish or not, and then commit, abort, or die."""
        offset = min(self.committed + size, len(self.stream))
        self.side.count(frame(self.stream[self.committed : offset]), PARTITION)
        slots = {of: counts.dump(PARTITION) for of, counts in self.counts.items() if publishes}
        old = {of: counts.old_slots(PARTITION) for of, counts in self.counts.items() if publishes}
        if end == "abort":
            self.side.roll_back(PARTITION)
        elif end == "crash":
            self.restore()
        elif publishes:
            self.committed = offset
            for of, counts in self.counts.items():
                self.log += [(key_of("pipe", PARTITION, f"{of}{slot}"), None) for slot in old[of]]
                for slot, got in slots[of].items():
                    self.log.append((key_of("pipe", PARTITION, f"{of}{slot}"), encoded(offset, got)))
                for slot in old[of]:
                    counts.drop(PARTITION, slot)
                counts.published(PARTITION, offset, slots[of])
            self.log.append((key_of("pipe", PARTITION), encoded(offset)))
            for name, pairs in device_records(offset, self.side.devices.dump(PARTITION)):
                self.log.append((key_of("pipe", PARTITION, name), encoded(offset, pairs)))
            self.side.devices.published(PARTITION)
        else:
            self.committed = offset
            self.side.savepoint(PARTITION)

    def known(self) -> list[Any]:
        """What is known of three merchants and devices a while after the last transaction."""
        last = max((one.time for one in self.stream), default=START) + 7_200_000
        asked = [Transaction("u", last, 1.0, merchant=name, device_id=name, category=name) for name in "abc"]
        return rows(advance(State(), frame(asked), self.side))


STEPS = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from(("commit", "commit", "abort", "crash"))),
    max_size=12,
)


@settings(max_examples=150)
@given(stream=transactions(), steps=STEPS)
def test_counts_equal_those_of_an_undisturbed_run(
    stream: list[Transaction], steps: list[tuple[int, bool, str]]
) -> None:
    worker, undisturbed = Worker(stream), Worker(stream)
    for step in steps:
        worker.transaction(*step)
    worker.restore()
    worker.transaction(len(stream), publishes=True, end="commit")
    worker.restore()
    undisturbed.side.count(frame(stream), PARTITION)

    assert worker.known() == undisturbed.known()


def test_records_of_other_pipelines_are_passed_over() -> None:
    assert decoded("other/3/17", encoded(5), "pipe") is None
