"""Who starts under a name believes that another has it while that one's reports say so."""

from datetime import UTC, datetime, timedelta

import pytest

from fraud_core.connect import namesake
from fraud_core.connect.namesake import Namesake
from fraud_core.connect.records import State, WorkerStatus
from fraud_core.errors import FencedError, NameInUseError, UnavailableError

NAME = "fraud-detector/w"
ME = datetime.now(UTC)
FENCED = FencedError("This worker was fenced.")


def report(seconds_ago: float, incarnation: datetime = ME - timedelta(hours=1)) -> WorkerStatus:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return WorkerStatus(NAME, incarnation, "fraud-detector", "sink", State.RUNNING, at, interval_ms=3_000)


def test_a_name_is_free_where_nobody_else_reports_under_it() -> None:
    mine = Namesake(NAME, ME)
    mine.take("fraud-detector/other", report(0))
    mine.take(NAME, report(0, incarnation=ME.replace(microsecond=ME.microsecond // 1_000 * 1_000)))

    mine.check()


def test_a_report_that_is_not_overdue_takes_the_name() -> None:
    mine = Namesake(NAME, ME)
    mine.take(NAME, report(seconds_ago=4))

    with pytest.raises(NameInUseError, match="fraud-detector/w: started"):
        mine.check()


def test_the_report_of_one_that_was_killed_is_not_waited_for_beyond_the_next() -> None:
    mine = Namesake(NAME, ME)
    mine.take(NAME, report(seconds_ago=5))

    mine.check()


def test_who_has_been_seen_alive_may_miss_a_report() -> None:
    mine = Namesake(NAME, ME)
    mine.watch()
    mine.take(NAME, report(seconds_ago=8))

    with pytest.raises(NameInUseError):
        mine.check()
    mine.take(NAME, report(seconds_ago=10))
    mine.check()


def test_a_clock_that_is_ahead_takes_nobodys_name_away() -> None:
    mine = Namesake(NAME, ME)
    mine.watch()
    mine.take(NAME, report(seconds_ago=-600))

    with pytest.raises(NameInUseError):
        mine.check()


@pytest.mark.parametrize(("live", "believed_s"), [(False, 4.5), (True, 9.0)])
def test_a_clock_that_was_ahead_keeps_no_name_for_one_that_is_not_heard_any_more(
    live: bool,  # noqa: FBT001 - a parameter
    believed_s: float,
) -> None:
    seconds = 100.0
    mine = Namesake(NAME, ME, clock=lambda: seconds)
    if live:
        mine.watch()
    mine.take(NAME, report(seconds_ago=-3_600))
    if not live:
        seconds += 60.0  # others' reports are read as well
        mine.watch()

    seconds += believed_s
    with pytest.raises(NameInUseError):
        mine.check()
    seconds += 0.1
    mine.check()


def test_a_report_that_was_taken_back_frees_the_name_at_once() -> None:
    mine = Namesake(NAME, ME)
    mine.watch()
    mine.take(NAME, report(0))
    mine.take(NAME, None)

    mine.check()


def test_a_fence_is_judged_by_whether_somebody_has_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namesake, "SEEN_S", 0.01)
    mine = Namesake(NAME, ME)
    mine.watch()

    alone = mine.judged(FENCED)
    mine.take(NAME, report(0, incarnation=ME + timedelta(seconds=9)))
    replaced = mine.judged(FENCED)

    assert isinstance(alone, UnavailableError)
    assert alone.exit_code == 75
    assert isinstance(replaced, FencedError)
    assert replaced.exit_code == 3
    assert str(replaced).startswith("This worker was fenced. Another process has taken over its name")
