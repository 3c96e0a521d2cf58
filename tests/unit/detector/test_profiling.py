"""A signal profiles what runs, and what runs goes on."""

import signal
import threading
import time
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from fraud_detector import profiling
from fraud_detector.profiling import on_demand
from fraud_detector.settings import ProfileSettings
from tests.support.pipeline import until


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """A log of its own: another test may have configured the process's, which is bound once for all."""
    capture = LogCapture()
    monkeypatch.setattr(profiling, "log", structlog.wrap_logger(None, processors=[capture]))
    return capture


def busy_work(until_s: float) -> int:
    turns = 0
    while time.monotonic() < until_s:
        turns += sum(range(100))
    return turns


def reports_are_made() -> bool:
    return not any(thread.name == "profile" for thread in threading.enumerate())


def reports(logged: LogCapture) -> int:
    return sum("samples" in entry for entry in logged.entries)


def test_the_log_gets_the_calls_that_took_time(logged: LogCapture) -> None:
    with on_demand(ProfileSettings(seconds=60)):
        signal.raise_signal(signal.SIGUSR1)
        assert busy_work(time.monotonic() + 0.3) > 0
        signal.raise_signal(signal.SIGUSR1)

    until(reports_are_made, "the report is made")
    assert "busy_work" in str(logged.entries)


def test_a_profile_ends_by_itself_and_another_may_follow(logged: LogCapture) -> None:
    with on_demand(ProfileSettings(seconds=0.2)):
        for number in (1, 2):
            signal.raise_signal(signal.SIGUSR1)
            deadline = time.monotonic() + 120
            while reports(logged) < number and time.monotonic() < deadline:
                busy_work(time.monotonic() + 0.05)

    assert reports(logged) == 2


def test_a_directory_gets_a_page_and_one_that_is_not_there_harms_nobody(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "nowhere"):
        with on_demand(ProfileSettings(seconds=60, directory=directory)):
            signal.raise_signal(signal.SIGUSR1)
            busy_work(time.monotonic() + 0.1)
        until(reports_are_made, "the report is made")

    (page,) = tmp_path.glob("profile-*.html")
    assert "busy_work" in page.read_text(encoding="utf-8")


def test_signals_are_as_they_were_afterwards() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with on_demand(ProfileSettings()):
        assert signal.getsignal(signal.SIGUSR1) != before
    assert signal.getsignal(signal.SIGUSR1) == before
