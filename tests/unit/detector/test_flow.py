"""What a task says of itself while its partition is held back."""

from typing import cast

import pytest

from fraud_core.connect.records import State
from fraud_core.connect.tasks import Tasks
from fraud_detector.flow import AHEAD, Flow
from fraud_detector.source import Source


class Quiet:
    """Partitions that are held back and let go."""

    def __init__(self) -> None:
        self.flowing: set[int] = set()

    def seek(self, partition: int, offset: int) -> None:
        """Nothing is read here."""

    def pause(self, partitions: set[int]) -> None:
        self.flowing -= partitions

    def resume(self, partitions: set[int]) -> None:
        self.flowing |= partitions


def test_one_that_waits_for_others_says_so_once_it_has_waited_for_long() -> None:
    source, tasks = Quiet(), Tasks()
    flow = Flow(cast("Source", source), tasks)
    for partition in (0, 1):
        flow.begin(partition, 0)

    def told() -> list[tuple[State, str | None]]:
        return [(task.state, task.trace) for task in tasks.all()]

    flow.align({1}, set())
    assert source.flowing == {0}
    assert told() == [(State.RUNNING, None)] * 2

    flow.align({1}, {1})
    assert told() == [(State.RUNNING, None), (State.RUNNING, AHEAD)]

    flow.align(set(), set())
    assert source.flowing == {0, 1}
    assert told() == [(State.RUNNING, None)] * 2


@pytest.mark.parametrize(("works", "state"), [(False, State.UNASSIGNED), (True, State.RUNNING)])
def test_one_whose_worker_waits_says_for_what_and_runs_where_that_only_takes_its_time(
    works: bool,  # noqa: FBT001 - a parameter
    state: State,
) -> None:
    source, tasks = Quiet(), Tasks()
    flow = Flow(cast("Source", source), tasks)
    flow.begin(0, 0)

    flow.wait_for("more to ask", works=works)
    assert source.flowing == set()
    assert [(task.state, task.trace) for task in tasks.all()] == [(state, "more to ask")]

    flow.wait_for("")
    assert source.flowing == {0}
    assert [(task.state, task.trace) for task in tasks.all()] == [(State.RUNNING, None)]
