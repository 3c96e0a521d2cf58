"""Whose messages flow: what runs, unless the worker is paused or waits, or the task has failed.

By level: whatever changes, the partitions that should flow are compared with those that do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fraud_core.connect.records import State
from fraud_core.connect.tasks import Tasks
from fraud_detector.source import Source

RESTORING = "its state is being restored"
AHEAD = "it is read ahead of others in event time, and waits for them"


@dataclass
class Flow:
    """The partitions of this worker, and what each of them does.

    Attributes:
        running: partitions that are restored and may be decided.
        paused: whether the whole worker was told to pause.
        stopped: whether it has left its group.
        waits_for: what the whole worker waits for; empty if for nothing.
        works: whether it runs nevertheless, as what it waits for only takes its time.
        failed: partition -> why.
        ahead: partitions that wait for others.
        waiting: those of them that have waited for long.
    """

    source: Source
    tasks: Tasks
    running: set[int] = field(default_factory=set)
    paused: bool = False
    stopped: bool = False
    waits_for: str = ""
    works: bool = False
    failed: dict[int, str] = field(default_factory=dict)
    ahead: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    _flowing: set[int] = field(default_factory=set)

    @property
    def is_idle(self) -> bool:
        """Whether nothing can be done, as what the worker waits for is not there."""
        return bool(self.waits_for) and not self.works

    def begin(self, partition: int, offset: int) -> None:
        """Let the partition run from this offset on."""
        self.source.seek(partition, offset)
        self.running.add(partition)
        self.settle()

    def hold_back(self, partitions: Iterable[int]) -> None:
        """These are to be restored: nothing of theirs may come."""
        for partition in partitions:
            self.running.discard(partition)
            self.failed.pop(partition, None)
            self.tasks.put(partition, State.UNASSIGNED, RESTORING)
        self.settle()

    def forget(self, partitions: Iterable[int]) -> None:
        """These are another worker's."""
        for partition in partitions:
            self.running.discard(partition)
            self._flowing.discard(partition)
            self.failed.pop(partition, None)
            self.tasks.drop(partition)

    def fail(self, partition: int, trace: str) -> None:
        """Stop this one alone; the others go on."""
        self.failed[partition] = trace
        self.settle()

    def align(self, ahead: set[int], waiting: set[int]) -> None:
        """Hold these back until the others have come as far, and no others; of some it is told."""
        if (self.ahead, self.waiting) != (ahead, waiting):
            self.ahead, self.waiting = ahead, waiting
            self.settle()

    def wait_for(self, what: str, *, works: bool = False) -> None:
        """Hold all back until `what` is there; an empty text lets them flow again.

        Where it `works` nevertheless, tasks run, and tell what they wait for.
        """
        if (self.waits_for, self.works) != (what, works):
            self.waits_for, self.works = what, works
            self.settle()

    def pause(self, *, paused: bool) -> None:
        """Pause the worker, or let it go on."""
        if self.paused != paused:
            self.paused = paused
            self.settle()

    def stop(self, *, stopped: bool) -> None:
        """The worker has left its group, or comes back to it."""
        self.stopped = stopped
        self.settle()

    def settle(self) -> None:
        """Make the partitions flow that should, and no others."""
        held = self.paused or bool(self.waits_for)
        wanted = set() if held else self.running - set(self.failed) - self.ahead
        # Paused first and then resumed: the client treats both as requests for whole sets.
        if stopped := self._flowing - wanted:
            self.source.pause(stopped)
        if started := wanted - self._flowing:
            self.source.resume(started)
        self._flowing = wanted
        for partition in self.running:
            self.tasks.put(partition, *self._standing(partition))
        self.tasks.work(self._whole())

    def _whole(self) -> State:
        if self.stopped:
            return State.STOPPED
        if self.paused:
            return State.PAUSED
        return State.UNASSIGNED if self.is_idle else State.RUNNING

    def _standing(self, partition: int) -> tuple[State, str | None]:
        if partition in self.failed:
            return State.FAILED, self.failed[partition]
        if self.paused:
            return State.PAUSED, None
        if self.waits_for:
            return State.RUNNING if self.works else State.UNASSIGNED, self.waits_for
        return State.RUNNING, AHEAD if partition in self.waiting else None
