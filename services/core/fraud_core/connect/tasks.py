"""What each task of this worker does: the worker writes it down, the reporter reads it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from fraud_core.connect.records import State, Task


@dataclass
class Tasks:
    """The tasks that this worker holds; may be used by several threads.

    Attributes:
        on_change: called after every change; must return at once.
    """

    on_change: Callable[[], None] = lambda: None
    _tasks: dict[int, Task] = field(default_factory=dict)
    _worker: State = State.UNASSIGNED
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, partition: int, state: State, trace: str | None = None) -> None:
        """This is what the task does now."""
        with self._lock:
            task = Task(partition, state, trace)
            if self._tasks.get(partition) == task:
                return
            self._tasks[partition] = task
        self.on_change()

    def drop(self, partition: int) -> None:
        """Another worker's."""
        with self._lock:
            self._tasks.pop(partition, None)
        self.on_change()

    def work(self, state: State) -> None:
        """This is what the worker as a whole does now."""
        if self._worker is not state:
            self._worker = state
            self.on_change()

    @property
    def worker(self) -> State:
        """What the worker as a whole does."""
        return self._worker

    def all(self) -> tuple[Task, ...]:
        """Every task, by number."""
        with self._lock:
            return tuple(task for _, task in sorted(self._tasks.items()))

    def failed(self) -> tuple[int, ...]:
        """Partitions that have failed."""
        return tuple(task.id for task in self.all() if task.state is State.FAILED)
