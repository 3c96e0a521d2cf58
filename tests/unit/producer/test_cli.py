"""What a person meets who types something wrong; no brokers are needed for that."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud_core.cli import run
from fraud_producer.cli import app

HISTORY = "CUSTOMER,SUM,DATE,FRAUD\nann,5,2024-01-01,0\nbob,7,2024-01-02,1\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a history; the log's handlers are put back afterwards."""
    (tmp_path / "h.csv").write_text(HISTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["producer"])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield tmp_path
    root.handlers[:] = handlers
    root.setLevel(level)


def exit_status(*arguments: str) -> object:
    sys.argv[1:] = arguments
    with pytest.raises(SystemExit) as ended:
        run(app)
    return ended.value.code or 0


@pytest.mark.usefixtures("here")
def test_help_names_every_flag(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert exit_status("--help") == 0
    shown = capsys.readouterr().out
    for flag in ("--input", "--map", "--label-delay", "--rate", "--flat-out", "--history", "--json"):
        assert flag in shown


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--input", "nope.csv"), "There is no file nope.csv"),
        (("--input", "h.csv"), "Add --map user=CUSTOMER,amount=SUM,timestamp=DATE"),
        (("--input", "h.csv", "--map", "user=CUSTOM"), "Did you mean CUSTOMER?"),
        (("--rate", "5", "--flat-out"), "--rate and --flat-out contradict each other"),
        (("--speed", "5"), "--speed goes with --input"),
        (("--delivery-timeout", "0"), "FRAUD_PRODUCER__DELIVERY_TIMEOUT_S"),
        (("--until", "1999-01-01"), "is not after the start"),
        (("--start", "2999-01-01"), "is in the future"),
        (("--customers", "5000000"), "--customers 5000000: Input should be less than or equal to 1000000"),
        (("--fraud-share", "0.5"), "Input should be less than or equal to 0.2"),
        (("--days", "inf"), "--days is longer than 36,525 days"),
        (("--rate", "inf"), "--rate can't be infinite"),
    ],
)
def test_a_mistake_is_one_message_and_exit_status_2(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(*arguments) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_brokers_that_do_not_answer_are_a_temporary_failure_without_a_trace(here: Path) -> None:
    mapping = ("--input", "h.csv", "--map", "user=CUSTOMER,amount=SUM,timestamp=DATE")
    ended = subprocess.run(
        [sys.executable, "-m", "fraud_producer", *mapping, "--bootstrap-servers", "127.0.0.1:1"],
        cwd=here,
        env={**os.environ, "FRAUD_STARTUP_TIMEOUT_S": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (75, "")
    assert "error: No Kafka broker answers at 127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr
