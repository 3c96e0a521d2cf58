"""The project's commands as processes that need not import all they use, which takes longer than most tests.

Each is a process of its own with an environment, signals and an exit status, as `python -m MODULE` is; only
that it is forked from one that has imported what commands import, and has done nothing else. A test of how a
process starts from nothing runs `python -m` itself.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.support.preloaded"])


class Forked:
    """A process, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, process: BaseProcess, output: Path, errors: Path) -> None:
        """Of a process that has started, and where its output goes."""
        self._process, self._printed = process, (output, errors)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit status, -N where signal N ended it; None as long as it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it has printed as output and as errors, once it has ended."""
        self.wait(timeout)
        output, errors = (file.read_text(encoding="utf-8") for file in self._printed)
        return output, errors

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As kill -9 does."""
        self.send_signal(signal.SIGKILL)


def started(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    output: Path,
    errors: Path | None = None,
    here: Path | None = None,
) -> Forked:
    """Start `python -m MODULE ARGUMENTS` in a directory; what it prints goes to a file, or to two."""
    errors = errors or output
    for file in (output, errors):
        file.write_bytes(b"")
    process = _forking.Process(
        target=_run,
        args=(module, arguments, dict(environment), output, errors, here or Path.cwd()),
        name=module,
        daemon=True,  # what a test that failed has left running is ended with pytest
    )
    process.start()
    return Forked(process, output, errors)


def ended(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    here: Path | None = None,
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` to its end, and kill it when that does not come in time."""
    with tempfile.TemporaryDirectory() as directory:
        out, err = (Path(directory) / name for name in ("out", "err"))
        process = started(module, *arguments, environment=environment, output=out, errors=err, here=here)
        try:
            printed = process.communicate(timeout_s)
        finally:
            process.kill()
        return subprocess.CompletedProcess((module, *arguments), process.wait(), *printed)


def _run(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: Path,
    errors: Path,
    here: Path,
) -> None:
    os.chdir(here)
    os.environ.clear()
    os.environ.update(environment)
    for file, number in ((output, 1), (errors, 2)):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = [module, *arguments]
    sys.path.insert(0, str(here))
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - as any process ends, but one of multiprocessing
