"""One pipeline as Kafka Connect shows a connector, put together from the reports of all its workers."""

from collections.abc import Iterable
from dataclasses import dataclass

from fraud_core.connect.records import State, Target, Task, WorkerStatus

_HELD = {Target.PAUSED: State.PAUSED, Target.STOPPED: State.STOPPED}


@dataclass(frozen=True)
class HeldTask:
    """A task and who holds it."""

    task: Task
    worker: str


@dataclass(frozen=True)
class Connector:
    """A pipeline.

    Attributes:
        name: the pipeline.
        kind: source or sink.
        state: of the whole.
        worker: the worker that answers for it.
        tasks: by number, every one that a worker holds.
        trace: why the whole failed.
    """

    name: str
    kind: str
    state: State
    worker: str
    tasks: tuple[HeldTask, ...]
    trace: str | None = None

    def status(self) -> dict[str, object]:
        """The answer to `/connectors/{name}/status`."""
        whole: dict[str, object] = {"state": self.state.value, "worker_id": self.worker}
        if self.trace:
            whole["trace"] = self.trace
        return {
            "name": self.name,
            "connector": whole,
            "tasks": [task_status(held) for held in self.tasks],
            "type": self.kind,
        }


def task_status(held: HeldTask) -> dict[str, object]:
    """The answer to `/connectors/{name}/tasks/{id}/status`."""
    found: dict[str, object] = {
        "id": held.task.id,
        "state": held.task.state.value,
        "worker_id": held.worker,
    }
    return found | ({"trace": held.task.trace} if held.task.trace else {})


def connector(name: str, kind: str, workers: Iterable[WorkerStatus], target: Target, here: str) -> Connector:
    """The pipeline as its workers report it; `here` answers where none does."""
    reports = sorted(workers, key=lambda status: status.worker)
    newest: dict[int, tuple[WorkerStatus, Task]] = {}
    for status in reports:
        for task in status.tasks:
            known = newest.get(task.id)
            # In a rebalance two reports may name one task; the later one is right.
            if known is None or known[0].reported_at <= status.reported_at:
                newest[task.id] = (status, task)
    tasks = tuple(HeldTask(task, status.worker) for _, (status, task) in sorted(newest.items()))
    return Connector(
        name=name,
        kind=kind,
        state=_whole(reports, target),
        worker=reports[0].worker if reports else here,
        tasks=tasks,
        trace=None,
    )


def _whole(reports: list[WorkerStatus], target: Target) -> State:
    """What the pipeline was told, once a worker does it; failed only if no worker works any more."""
    if not reports:
        return State.UNASSIGNED
    states = {status.state for status in reports}
    if target in _HELD and _HELD[target] in states:
        return _HELD[target]
    for state in (State.RUNNING, State.RESTARTING, State.PAUSED, State.STOPPED, State.UNASSIGNED):
        if state in states:
            return state
    return State.FAILED
