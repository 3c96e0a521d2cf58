"""The detectors: processes that are killed, stopped and started, and looked after as Kubernetes would."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fraud_local.stack.process import Process


@dataclass
class Crew:
    """Detectors of one pipeline, by name.

    Attributes:
        directory: gets a log for every process.
        environment: of the processes.
        ended: exit statuses of those that ended without having been told to; they were started again.
    """

    directory: Path
    environment: Mapping[str, str]
    ended: Counter[int] = field(default_factory=Counter)
    _running: dict[str, Process] = field(default_factory=dict)
    _started: int = 0

    def start(self, name: str) -> None:
        """Run a detector of this name."""
        self._started += 1
        self._running[name] = Process(
            (sys.executable, "-m", "fraud_detector", "--worker", name),
            directory=self.directory,
            log=self.directory / f"{self._started}-{name}.log",
            environment=self.environment,
        )

    def kill(self, name: str) -> None:
        """As kill -9 does."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def pause(self, name: str) -> None:
        """Stop the process where it is; it answers nobody until it is woken."""
        self._signal(name, signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """Let it go on."""
        self._signal(name, signal.SIGCONT)

    def remove(self, name: str) -> None:
        """Ask it to end, and wait."""
        process = self._running.pop(name)
        process.ask_to_end()
        process.wait()

    def tend(self) -> list[str]:
        """Start again those that ended by themselves, and tell of each."""
        told = []
        for name, process in list(self._running.items()):
            status = process.status
            if status is not None:
                process.wait()
                self.ended[status] += 1
                told.append(f"detector {name} ended by itself with exit status {status}; started again")
                self.start(name)
        return told

    def end(self) -> None:
        """Ask all to end, and wait."""
        for name in self._running:
            self.wake(name)
        for process in self._running.values():
            process.ask_to_end()
        for process in self._running.values():
            process.wait()
        self._running.clear()

    def _signal(self, name: str, number: signal.Signals) -> None:
        process = self._running.get(name)
        if process is not None and process.pid is not None and process.status is None:
            with suppress(ProcessLookupError):  # it has just ended; `tend` will see
                os.kill(process.pid, number)
