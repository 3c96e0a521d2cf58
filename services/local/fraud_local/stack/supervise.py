"""Runs one command, and sees to it that the command does not outlive the process that asked for it.

Run as a script by `process.py`, with nothing but the standard library so that it starts in milliseconds:

    supervise.py GRACE_SECONDS COMMAND...

Standard input is a pipe from the parent. The operating system closes it however the parent ends, kill -9
included, and then the command is asked to stop and killed after the grace. A byte `t` asks it to stop and
`k` kills it. The command's process id is the first line on standard output; its exit status is the
supervisor's own. The parent starts this in a session of its own, so that Ctrl-C in a terminal reaches the
parent alone, and its clients leave in order before the servers do.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
CHECK_S = 1.0
DIED_OF_SIGNAL = 128


def main(grace_s: float, command: list[str]) -> int:
    """Run the command to its end."""
    parent = os.getppid()
    awake = _wake_on_signals()
    child = subprocess.Popen(  # noqa: S603 - the command comes from our parent
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 - this process has one thread
    )
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    _watch(child, parent, awake)
    status = _end(child, grace_s)
    return status if status >= 0 else DIED_OF_SIGNAL - status


def _wake_on_signals() -> int:
    """A descriptor that becomes readable when the child ends or somebody wants us to."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux the kernel kills the command even if this process is killed; elsewhere nothing does."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(child: subprocess.Popen[bytes], parent: int, awake: int) -> None:
    """Return when the command has ended or should."""
    # A process that the parent forked may hold the pipe open, hence the look at who our parent is.
    while child.poll() is None and os.getppid() == parent:
        readable, _, _ = select.select([0, awake], [], [], CHECK_S)
        if awake in readable and set(os.read(awake, 64)) - {signal.SIGCHLD}:
            return
        if 0 not in readable:
            continue
        match os.read(0, 1):
            case b"k":
                child.kill()
            case _:
                return


def _end(child: subprocess.Popen[bytes], grace_s: float) -> int:
    child.terminate()
    try:
        return child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
