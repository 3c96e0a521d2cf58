"""A pipeline as a connector, put together from what its workers report."""

from datetime import UTC, datetime, timedelta

import pytest

from fraud_core.connect.group import connector
from fraud_core.connect.records import State, Target, Task, WorkerStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def report(worker: str, state: State, *tasks: Task, age_s: float = 0.0) -> WorkerStatus:
    return WorkerStatus(
        worker=worker,
        incarnation=NOW - timedelta(hours=1),
        pipeline="p",
        kind="sink",
        state=state,
        reported_at=NOW - timedelta(seconds=age_s),
        tasks=tasks,
    )


def running(*numbers: int) -> tuple[Task, ...]:
    return tuple(Task(number, State.RUNNING) for number in numbers)


def test_tasks_of_all_workers_stand_in_order_with_who_holds_them() -> None:
    found = connector(
        "p",
        "sink",
        [report("b", State.RUNNING, *running(2, 0)), report("a", State.RUNNING, *running(1))],
        Target.RUNNING,
        "a",
    )

    assert found.status() == {
        "name": "p",
        "connector": {"state": "RUNNING", "worker_id": "a"},
        "tasks": [
            {"id": 0, "state": "RUNNING", "worker_id": "b"},
            {"id": 1, "state": "RUNNING", "worker_id": "a"},
            {"id": 2, "state": "RUNNING", "worker_id": "b"},
        ],
        "type": "sink",
    }


def test_a_task_that_moved_belongs_to_who_reported_it_last() -> None:
    before, after = report("a", State.RUNNING, *running(0), age_s=2), report("b", State.RUNNING, *running(0))

    for order in ([before, after], [after, before]):
        assert [held.worker for held in connector("p", "sink", order, Target.RUNNING, "a").tasks] == ["b"]


def test_a_failed_task_shows_its_trace_and_does_not_fail_the_whole() -> None:
    failed = Task(1, State.FAILED, "the amount is negative")
    found = connector(
        "p", "sink", [report("a", State.RUNNING, *running(0), failed)], Target.RUNNING, "a"
    ).status()

    assert found["connector"] == {"state": "RUNNING", "worker_id": "a"}
    assert found["tasks"][1] == {  # type: ignore[index]
        "id": 1, "state": "FAILED", "worker_id": "a", "trace": "the amount is negative",
    }  # fmt: skip


def test_without_any_worker_it_is_unassigned() -> None:
    assert connector("p", "sink", [], Target.RUNNING, "me").state is State.UNASSIGNED


@pytest.mark.parametrize(
    ("target", "states", "whole"),
    [
        (Target.PAUSED, [State.PAUSED, State.RUNNING], State.PAUSED),
        (Target.PAUSED, [State.RUNNING], State.RUNNING),
        (Target.STOPPED, [State.STOPPED], State.STOPPED),
        (Target.RUNNING, [State.FAILED, State.RUNNING], State.RUNNING),
        (Target.RUNNING, [State.FAILED], State.FAILED),
    ],
)
def test_its_state_is_what_workers_do_and_not_what_they_were_told(
    target: Target, states: list[State], whole: State
) -> None:
    workers = [report(f"w{number}", state) for number, state in enumerate(states)]

    assert connector("p", "sink", workers, target, "w0").state is whole


def test_a_report_is_fresh_for_three_of_its_intervals() -> None:
    assert report("a", State.RUNNING, age_s=8.9).is_fresh(NOW)
    assert not report("a", State.RUNNING, age_s=9.1).is_fresh(NOW)


def test_a_clock_that_is_ahead_keeps_nobody_alive_for_longer() -> None:
    assert report("a", State.RUNNING, age_s=-8.9).is_fresh(NOW)
    assert not report("a", State.RUNNING, age_s=-600).is_fresh(NOW)
