"""Commands under a supervisor: real ones, that would run for an hour if nobody ended them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fraud_local.stack.process import Process, last_lines

HOUR = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(3600)")
STUBBORN = (
    sys.executable,
    "-c",
    (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True); time.sleep(3600)"
    ),
)
# Starts a command under a supervisor, says both ids, and waits to be told how to end.
PARENT = """
import sys
from pathlib import Path
from fraud_local.stack.process import Process
command = (sys.executable, "-c", "import time; time.sleep(3600)")
process = Process(command, directory=Path(sys.argv[1]), log=Path(sys.argv[1]) / "log")
print(process.pid, process._supervisor.pid, flush=True)
input()
"""


def started(tmp_path: Path, command: tuple[str, ...], grace_s: float = 20) -> Process:
    process = Process(command, directory=tmp_path, log=tmp_path / "log", grace_s=grace_s)
    while "up" not in (tmp_path / "log").read_text():
        assert process.status is None
    return process


def gone(pid: int) -> bool:
    """Wait until a process that is not our child has ended."""
    try:
        psutil.Process(pid).wait(30)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def parent(tmp_path: Path) -> tuple[subprocess.Popen[str], int, int]:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    command, supervisor = map(int, process.stdout.readline().split())
    return process, command, supervisor


def test_a_command_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    process = started(tmp_path, HOUR)

    process.ask_to_end()

    assert process.wait() == 128 + signal.SIGTERM


def test_one_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    process = started(tmp_path, STUBBORN, grace_s=0.1)

    process.ask_to_end()

    assert process.wait() == 128 + signal.SIGKILL


def test_kill_does_not_ask(tmp_path: Path) -> None:
    process = started(tmp_path, STUBBORN)

    process.kill()

    assert process.wait() == 128 + signal.SIGKILL


def test_a_commands_own_exit_status_is_kept(tmp_path: Path) -> None:
    process = Process((sys.executable, "-c", "exit(7)"), directory=tmp_path, log=tmp_path / "log")

    assert process.wait() == 7


def test_ending_what_has_ended_is_no_error(tmp_path: Path) -> None:
    process = Process((sys.executable, "-c", ""), directory=tmp_path, log=tmp_path / "log")
    assert process.wait() == 0

    process.ask_to_end()
    process.kill()

    assert process.wait() == 0


def test_a_command_that_does_not_exist_says_so_in_the_log(tmp_path: Path) -> None:
    process = Process((str(tmp_path / "no-java"),), directory=tmp_path, log=tmp_path / "log")

    assert process.wait() != 0
    assert process.pid is None
    assert "no-java" in last_lines(tmp_path / "log")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_command_outlives_its_parent_however_that_ends(tmp_path: Path, number: signal.Signals) -> None:
    process, command, supervisor = parent(tmp_path)

    process.send_signal(number)
    process.communicate()

    assert gone(command)
    assert gone(supervisor)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_no_command_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    process, command, supervisor = parent(tmp_path)

    os.kill(supervisor, signal.SIGKILL)

    assert gone(command)
    process.communicate("\n")


def test_ctrl_c_in_the_terminal_does_not_reach_the_command(tmp_path: Path) -> None:
    process = started(tmp_path, HOUR)

    assert process.pid is not None
    assert os.getpgid(process.pid) != os.getpgrp()
    assert os.getsid(process.pid) != os.getsid(0)
    process.kill()
    process.wait()


def test_the_log_of_the_run_before_is_kept_beside(tmp_path: Path) -> None:
    for text in ("first", "second"):
        command = (sys.executable, "-c", f"print({text!r})")
        Process(command, directory=tmp_path, log=tmp_path / "log").wait()

    assert (tmp_path / "log").read_text() == "second\n"
    assert (tmp_path / "log.1").read_text() == "first\n"


def test_the_users_java_settings_do_not_reach_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1k")
    monkeypatch.setenv("QUARKUS_HTTP_PORT", "1")

    command = (sys.executable, "-c", "import os; print(sorted(os.environ))")
    Process(command, directory=tmp_path, log=tmp_path / "log").wait()

    assert "JAVA" not in (tmp_path / "log").read_text()
    assert "QUARKUS" not in (tmp_path / "log").read_text()


def test_only_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n".join(f"line {number}" for number in range(10_000)))

    assert last_lines(tmp_path / "log", 2) == "  line 9998\n  line 9999"
    assert last_lines(tmp_path / "none") == "  (it wrote no log)"
