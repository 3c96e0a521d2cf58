"""One server of the stack: it can be stopped, killed and started again, on the same port and data."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fraud_core.errors import StackError
from fraud_local.stack.process import GRACE_S, Process, last_lines

READY_S = 90.0
POLL_S = 0.03


@dataclass(frozen=True)
class Plan:
    """How to run a server.

    Attributes:
        title: Its name and version, for people.
        command: What to run.
        directory: Its working directory, which holds its data.
        log: Where its output goes.
        answers: Whether it serves clients now.
        prepare: What must be done each time before it starts.
        grace_s: How long it may take to end when it is asked to.
    """

    title: str
    command: tuple[str, ...]
    directory: Path
    log: Path
    answers: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None
    grace_s: float = GRACE_S


class Service:
    """A server that runs, or does not, as told."""

    def __init__(
        self, plan: Plan, keep: int | None = None, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Nothing runs before `start`.

        Args:
            plan: How to run it.
            keep: The descriptor of the data directory's lock, which is held until the server has ended.
            changed: Called after it started or ended.
        """
        self.plan = plan
        self._keep = keep
        self._changed = changed
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.status is None

    def start(self, timeout_s: float = READY_S) -> None:
        """Start it, and return when it serves clients. Does nothing if it runs.

        Raises:
            StackError: it ended, or was not ready in time.
        """
        self.launch()
        self.await_ready(timeout_s)

    def launch(self) -> None:
        """Start it without waiting until it serves clients."""
        if self.running:
            return
        self._release()
        self.plan.prepare()
        self._process = Process(
            self.plan.command,
            directory=self.plan.directory,
            log=self.plan.log,
            keep=self._keep,
            grace_s=self.plan.grace_s,
        )

    def await_ready(self, timeout_s: float = READY_S) -> None:
        """Return when it serves clients.

        Raises:
            StackError: it ended, or was not ready in time.
        """
        end = time.monotonic() + timeout_s
        while not self.plan.answers():
            self.check()
            if time.monotonic() > end:
                self.kill()
                raise self._failure(f"did not answer within {timeout_s:.0f} s and was stopped")
            time.sleep(POLL_S)
        self.check()  # it may be another program that answers
        self._changed()

    def check(self) -> None:
        """Do nothing while it runs.

        Raises:
            StackError: it has ended; carries the last lines of its log.
        """
        if not self.running:
            status = self._process.status if self._process else None
            raise self._failure(f"ended with exit status {status}")

    def ask_to_stop(self) -> None:
        """Ask it to end, without waiting until it has."""
        if self._process is not None:
            self._process.ask_to_end()

    def stop(self) -> None:
        """Ask it to end, and return when it has."""
        self.ask_to_stop()
        self._release()

    def kill(self) -> None:
        """End it as `kill -9` does, and return when it has."""
        if self._process is not None:
            self._process.kill()
        self._release()

    def _release(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
            self._changed()

    def _failure(self, what: str) -> StackError:
        return StackError(
            f"{self.plan.title} {what}. Its log, {self.plan.log}, ends with:\n{last_lines(self.plan.log)}"
        )
