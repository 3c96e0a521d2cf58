"""Another process that has this worker's name, as its reports tell.

Two of one name would fence each other: the brokers know a worker by its transactional ids, which are made of
its name. So who starts waits while another is alive, and who was fenced tells whether there is one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fraud_core.connect.records import STALE_AFTER, WorkerStatus
from fraud_core.errors import FencedError, FraudstreamError, NameInUseError, UnavailableError

OVERDUE = 1.5
"""So many intervals is a report of before this process believed: a restart after a kill waits no longer."""
SEEN_S = 6.0
"""Who takes a name over reports before it fences anybody; so long may that report take to be read."""


@dataclass
class Namesake:
    """The latest report of another process under this worker's name.

    Attributes:
        worker: the name.
        incarnation: start of this process.
        clock: seconds that only grow.
    """

    worker: str
    incarnation: datetime
    clock: Callable[[], float] = time.monotonic
    _last: WorkerStatus | None = None
    _heard: float = 0.0
    _seen: bool = False
    _watching: bool = False
    _told: threading.Condition = field(default_factory=threading.Condition)

    def take(self, worker: str, status: WorkerStatus | None) -> None:
        """Any worker's report was read; none where it was taken back."""
        if worker != self.worker or (status and self._is_ours(status)):
            return
        with self._told:
            same = status and self._last and status.incarnation == self._last.incarnation
            self._seen = self._watching or bool(same and self._seen)
            self._last, self._heard = status, self.clock()
            self._told.notify_all()

    def _is_ours(self, status: WorkerStatus) -> bool:
        """By the millisecond, as reports have it."""
        return abs(status.incarnation - self.incarnation) < timedelta(milliseconds=1)

    def watch(self) -> None:
        """All old reports are read: who reports from now on is alive."""
        self._watching, self._heard = True, self.clock()

    def living(self) -> WorkerStatus | None:
        """Its latest report, if it is believed to be alive."""
        found = self._last
        if found is None:
            return None
        intervals = STALE_AFTER if self._seen else OVERDUE
        return found if self._age(found) <= intervals * timedelta(milliseconds=found.interval_ms) else None

    def _age(self, status: WorkerStatus) -> timedelta:
        """How long it has not reported, by the clocks; or by our own ear, as its clock may be ahead."""
        heard = timedelta(seconds=self.clock() - self._heard)
        return max(datetime.now(UTC) - status.reported_at, heard)

    def check(self) -> None:
        """Do nothing where the name is free.

        Raises:
            NameInUseError: another process has it.
        """
        if found := self.living():
            raise NameInUseError(
                f"Another process has this worker's name, {self.worker}: {_who(found)}. This one takes part "
                "in nothing until that one has ended. Give each process its own --worker (FRAUD_WORKER)."
            )

    def judged(self, error: FencedError) -> FraudstreamError:
        """What a fence means: somebody has taken the name over, or the brokers have ended a transaction."""
        with self._told:
            self._told.wait_for(lambda: self._seen and self.living() is not None, SEEN_S)
        if found := self.living():
            return FencedError(
                f"{error} Another process has taken over its name, {self.worker}: {_who(found)}. "
                "Give each process its own --worker (FRAUD_WORKER)."
            )
        return UnavailableError(
            f"{error} No other process has its name, {self.worker}: it was stopped, or the brokers were "
            "away, for longer than a transaction may last. Start it again."
        )


def _who(status: WorkerStatus) -> str:
    return (
        f"started {status.incarnation:%Y-%m-%d %H:%M:%S} UTC, last reported {status.reported_at:%H:%M:%S} UTC"
    )
