"""Processes that tests fork are like those that they would start, and have their imports behind them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.forked import Forked

TOLD = """
import os, sys
print(os.getpid(), os.environ.get("FRAUD_PIPELINE"), os.getcwd(), *sys.argv[1:])
print(*(name in sys.modules for name in ("numba", "fraud_detector.worker", "pytest")), file=sys.stderr)
sys.exit(3)
"""
WAITS = "import time\nprint('waits', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "FRAUD_PIPELINE": "mine"}


@pytest.fixture
def waiting(tmp_path: Path, environment: dict[str, str]) -> Iterator[Forked]:
    (tmp_path / "waits.py").write_text(WAITS)
    output = tmp_path / "out"
    process = forked.started("waits", environment=environment, output=output, here=tmp_path)
    while not (output.exists() and output.read_text()):
        assert process.poll() is None
    yield process
    process.kill()


def test_it_has_an_environment_a_folder_words_and_an_exit_status_of_its_own(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "tells.py").write_text(TOLD)

    done = forked.ended("tells", "one", "two", environment=environment, here=tmp_path)

    pid, *said = done.stdout.split()
    assert int(pid) not in {os.getpid(), os.getppid()}
    assert said == ["mine", str(tmp_path), "one", "two"]
    assert done.returncode == 3


def test_what_commands_import_is_there_and_pytest_is_not(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "tells.py").write_text(TOLD)

    done = forked.ended("tells", environment=environment, here=tmp_path)

    assert done.stderr.split() == ["True", "True", "False"]


def test_it_ends_by_the_signal_that_it_is_sent(waiting: Forked) -> None:
    waiting.send_signal(signal.SIGTERM)

    assert waiting.wait(60) == -signal.SIGTERM


def test_ctrl_c_is_an_interrupt_as_anywhere(waiting: Forked, tmp_path: Path) -> None:
    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(60) == 1
    assert "KeyboardInterrupt" in (tmp_path / "out").read_text()


def test_one_that_does_not_end_in_time_is_told(waiting: Forked) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.1)

    assert waiting.poll() is None
