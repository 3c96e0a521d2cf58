"""Any stream, in any batches, with any aborts and crashes, has the features of an undisturbed run."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import CHUNKS, State, advance, chunks_of
from fraud_detector.found import Found
from fraud_detector.settings import StateSettings
from fraud_detector.snapshots import new_lineage
from fraud_detector.snapshotting import Snapshots
from tests.unit.core.features.reference import Known, Transaction
from tests.unit.core.features.streams import computed, frame, rows, transactions

PARTITION = 0


class Worker:
    """What a worker does with a partition, and what of it is committed: decisions, offset, snapshots."""

    def __init__(self, stream: list[Transaction], cycle: int) -> None:
        self.stream, self.cycle = stream, cycle
        self.decided: list[Known] = []
        self.log: list[bytes] = []
        self.restore()

    def restore(self) -> None:
        """Begin as a new process does: with what is committed, and nothing else."""
        found, committed = Found(), len(self.decided)
        for value in self.log:
            found.add(value)
        offsets = found.offsets(1, 0, committed)
        self.state = State()
        for part in found.parts():
            self.state.load(part.words())
        replayed = frame(self.stream[int(offsets.min()) : committed])
        after = np.arange(offsets.min(), committed) >= offsets[chunks_of(replayed["user"])]
        advance(self.state, replayed.filter(after))
        self.state.savepoint()
        self.snapshots = Snapshots(StateSettings(snapshot_cycle_records=self.cycle), "pipe", "fraud_state")
        self.snapshots.begin(PARTITION, found.lineage or new_lineage(0, 1), offsets, committed)

    def transaction(self, batches: list[int], end: str) -> None:
        """Decide some batches, write what is due, and then commit, abort, or die before either."""
        decided: list[Known] = []
        for size in batches:
            first = len(self.decided) + len(decided)
            decided += rows(advance(self.state, frame(self.stream[first : first + size])))
        states, positions = {PARTITION: self.state}, {PARTITION: len(self.decided) + len(decided)}
        due = self.snapshots.due(states, positions)
        outputs = list(self.snapshots.write(states, positions, due))
        if end == "commit":
            self.decided += decided
            self.log += [output.value or b"" for output in outputs]
            self.state.savepoint()
            self.snapshots.committed()
        elif end == "abort":
            self.state.roll_back()
            self.snapshots.aborted()
        else:
            self.restore()


TRANSACTIONS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 9), max_size=3), st.sampled_from(("commit", "commit", "abort", "crash"))
    ),
    max_size=12,
)


@settings(max_examples=150)
@given(stream=transactions(), steps=TRANSACTIONS, cycle=st.sampled_from((1, 7, 20, CHUNKS, 1_000)))
def test_decisions_equal_those_of_an_undisturbed_run(
    stream: list[Transaction], steps: list[tuple[list[int], str]], cycle: int
) -> None:
    worker = Worker(stream, cycle)
    for batches, end in steps:
        worker.transaction(batches, end)
    worker.restore()
    worker.transaction([len(stream)], "commit")

    assert worker.decided == computed(stream)
