"""A stack that goes on after the command that started it has returned.

`start` runs this module as a process of its own, which serves until it is told to end by a signal.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from fraud_core.errors import FraudstreamError, StackError
from fraud_core.shutdown import on_signals
from fraud_local.stack import datadir
from fraud_local.stack.datadir import State
from fraud_local.stack.download import Say
from fraud_local.stack.locks import is_held
from fraud_local.stack.stack import Stack, running

LOG = "stack.log"
CHECK_S = 0.5
END_S = 45.0
ERROR = "error: "


@dataclass(frozen=True)
class Request:
    """Which stack to serve.

    Attributes:
        data_dir: Its directory, absolute.
        fresh: Delete topics and schemas first.
        broker_port: As `running` takes it.
        registry_port: As `running` takes it.
    """

    data_dir: str
    fresh: bool = False
    broker_port: int | None = None
    registry_port: int | None = None


def start(request: Request, say: Say) -> State:
    """Start a stack that outlives this process, and return when it is ready.

    Raises:
        StackError: it did not start.
        ConfigError: its directory can't be used.
    """
    directory = Path(request.data_dir)
    datadir.claim(directory)
    log = directory / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this module
            [sys.executable, "-m", __spec__.name, json.dumps(asdict(request))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            start_new_session=True,
        )
    try:
        state = _ready(process, directory, log)
        say(log.read_text(encoding="utf-8"))
    except BaseException:
        process.terminate()
        process.wait()
        raise
    process.returncode = 0  # it goes on, and nobody here will wait for it
    return state


def stop(directory: Path) -> bool:
    """Stop the stack on a directory, whoever runs it; returns whether one ran.

    Raises:
        StackError: it is in the middle of starting or ending, or does not end.
    """
    state = datadir.read_state(directory)
    if state is None:
        if _free_within(directory, 0):
            return False
        raise StackError(f"A stack on {directory} is just starting or ending. Try again in some seconds.")
    _signal(state, signal.SIGTERM)
    if not _free_within(directory, END_S):
        _signal(state, signal.SIGKILL)  # its supervisors see to the servers
        if not _free_within(directory, END_S):
            raise StackError(f"The stack on {directory} (process {state.owner}) does not end.")
    return True


def serve(stack: Stack, stop: threading.Event) -> None:
    """Watch the servers until `stop` is set.

    Raises:
        StackError: a server has ended; carries the last lines of its log.
    """
    while not stop.wait(CHECK_S):
        stack.check()


def end_on_signals() -> None:
    """While a stack starts, a signal to end leaves every `with` block in order, as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _ready(process: subprocess.Popen[bytes], directory: Path, log: Path) -> State:
    while process.poll() is None:
        state = datadir.read_state(directory)
        if state is not None and state.owner == process.pid:
            return state
        time.sleep(0.05)
    said = log.read_text(encoding="utf-8", errors="replace").strip()
    raise StackError(said.rpartition(ERROR)[2] or f"The stack's process ended without a word; see {log}.")


def _signal(state: State, number: signal.Signals) -> None:
    process = datadir.owner(state)
    if process is None:
        return
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise StackError(f"The stack is another user's: process {state.owner} can't be stopped.") from error


def _free_within(directory: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while is_held(directory / datadir.LOCK):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def main() -> int:
    """Serve the stack that the argument describes."""
    end_on_signals()
    request = Request(**json.loads(sys.argv[1]))
    try:
        with (
            running(
                Path(request.data_dir),
                fresh=request.fresh,
                broker_port=request.broker_port,
                registry_port=request.registry_port,
                command="fraudstream stack up",
            ) as stack,
            on_signals() as asked,
        ):
            serve(stack, asked.stop)
    except FraudstreamError as error:
        sys.stderr.write(f"{ERROR}{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
