"""Starts a command under a supervisor, and ends it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from fraud_local.stack import java

SUPERVISOR = Path(__file__).with_name("supervise.py")
GRACE_S = 20.0


class Process:
    """A command that ends when this process does, and earlier when told to."""

    def __init__(
        self,
        command: tuple[str, ...],
        *,
        directory: Path,
        log: Path,
        keep: int | None = None,
        grace_s: float = GRACE_S,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            command: What to run.
            directory: Its working directory.
            log: Where its output goes; what an earlier one wrote there is kept beside, as `.1`.
            keep: A file descriptor that the supervisor holds open until the command has ended.
            grace_s: How long it may take to end when it is asked to.
            environment: Its environment variables; None is one that suits Java.
        """
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        with log.open("wb") as output:
            self._supervisor = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(SUPERVISOR), str(grace_s), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=directory,
                env=java.environment() if environment is None else environment,
                start_new_session=True,
                pass_fds=() if keep is None else (keep,),
            )
        first = self._supervisor.stdout.readline() if self._supervisor.stdout else b""
        self.pid = int(first) if first.strip().isdigit() else None
        self.log = log

    @property
    def status(self) -> int | None:
        """None while it runs; its exit status after."""
        return self._supervisor.poll()

    def ask_to_end(self) -> None:
        """Ask it to end; it is killed if it does not within its grace."""
        self._order(b"t")

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self._order(b"k")

    def wait(self) -> int:
        """Wait until it has ended, and return its exit status."""
        status = self._supervisor.wait()
        self._close()
        return status

    def _order(self, order: bytes) -> None:
        pipe = self._supervisor.stdin
        if pipe is not None and not pipe.closed and self._supervisor.poll() is None:
            try:
                pipe.write(order)
                pipe.flush()
            except BrokenPipeError:
                pass  # it has just ended by itself

    def _close(self) -> None:
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            if pipe is not None:
                pipe.close()


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, indented, for an error message."""
    if not log.exists():
        return "  (it wrote no log)"
    with log.open("rb") as content:
        content.seek(max(0, log.stat().st_size - 8_000))
        lines = content.read().decode("utf-8", "replace").splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines) or "  (its log is empty)"
