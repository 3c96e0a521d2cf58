"""Acts are done and undone in time, and nothing is done to who is not back yet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from fraud_local.chaos import timeline
from fraud_local.chaos.acts import Ground
from fraud_local.chaos.aim import Sight
from fraud_local.chaos.crew import Crew
from fraud_local.chaos.plan import Act, Kind
from fraud_local.chaos.timeline import Timeline

NOBODY = cast("Any", None)
PAUSE_A = Act(1.0, Kind.PAUSE_DETECTOR, "a", 2.0)
PAUSE_B = Act(1.5, Kind.PAUSE_DETECTOR, "b", 0.5)
PAUSE_A_AGAIN = Act(4.0, Kind.PAUSE_DETECTOR, "a", 1.0)


def made(*acts: Act, aim: Callable[[], Sight] = lambda: Sight.MET) -> Timeline:
    """On a crew without detectors, whom signals do not reach."""
    return Timeline(Ground(NOBODY, Crew(Path(), {}), NOBODY, NOBODY), acts, aim)


def at(now: float) -> Callable[[], float]:
    return lambda: now


def told(lines: Any) -> list[str]:
    return [" ".join(line.split()[2:5]) for line in lines]


def test_acts_are_done_when_they_are_due_and_undone_when_they_have_lasted() -> None:
    acts = made(PAUSE_A, PAUSE_B)

    assert told(acts.due(at(0.9))) == []
    assert told(acts.due(at(1.0))) == ["pause_detector a for"]
    assert told(acts.due(at(1.6))) == ["pause_detector b for"]
    assert told(acts.due(at(2.2))) == ["b is back,"]
    assert told(acts.due(at(9.0))) == ["a is back,"]
    assert acts.planned_are_done
    assert acts.done == {"pause_detector": 2}


def test_who_is_late_is_undone_before_more_is_done_to_the_same_target() -> None:
    acts = made(PAUSE_A, PAUSE_A_AGAIN)

    assert told(acts.due(at(3.9))) == ["pause_detector a for"]
    assert told(acts.due(at(5.0))) == []
    assert told(acts.due(at(6.0))) == ["a is back,", "pause_detector a for"]


def test_while_an_act_waits_for_its_aim_others_come_back_and_the_clock_goes_on() -> None:
    sights = iter([Sight.MET, Sight.NOT_YET, Sight.NOT_YET, Sight.MET])
    acts = made(PAUSE_A, PAUSE_B, aim=lambda: next(sights))

    assert told(acts.due(at(1.0))) == ["pause_detector a for"]
    assert told(acts.due(at(2.0))) == []
    assert told(acts.due(at(3.0))) == ["a is back,"]
    assert list(acts.due(at(4.0))) == ["   4.0 s  pause_detector b for 0.5 s, in an open transaction"]
    assert told(acts.due(at(4.4))) == []
    assert told(acts.due(at(4.5))) == ["b is back,"]


def test_an_act_whose_aim_is_in_vain_is_done_all_the_same() -> None:
    acts = made(PAUSE_A, aim=lambda: Sight.IN_VAIN)

    assert list(acts.due(at(1.0))) == ["   1.0 s  pause_detector a for 2.0 s"]


def test_at_the_end_all_is_undone() -> None:
    acts = made(PAUSE_A, PAUSE_B)
    list(acts.due(at(1.5)))

    assert told(acts.finish(at(9.0))) == ["b is back,", "a is back,"]
    assert told(acts.finish(at(9.0))) == []


def test_what_can_not_be_done_here_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "unfit", lambda _: "there is no disk")
    acts = made(PAUSE_A)

    assert list(acts.due(at(1.0))) == ["   1.0 s  pause_detector skipped: there is no disk"]
    assert acts.skipped == {"pause_detector": "there is no disk"}
    assert acts.done == {}
