"""Acts are done and undone in time, and nothing is done to who is not back yet."""

from pathlib import Path
from typing import Any, cast

import pytest

from fraud_local.chaos import timeline
from fraud_local.chaos.acts import Ground
from fraud_local.chaos.crew import Crew
from fraud_local.chaos.plan import Act, Kind
from fraud_local.chaos.timeline import Timeline

NOBODY = cast("Any", None)
PAUSE_A = Act(1.0, Kind.PAUSE_DETECTOR, "a", 2.0)
PAUSE_B = Act(1.5, Kind.PAUSE_DETECTOR, "b", 0.5)
PAUSE_A_AGAIN = Act(4.0, Kind.PAUSE_DETECTOR, "a", 1.0)


def made(*acts: Act) -> Timeline:
    """On a crew without detectors, whom signals do not reach."""
    return Timeline(Ground(NOBODY, Crew(Path(), {}), NOBODY, NOBODY), acts, aim=lambda: True)


def told(lines: Any) -> list[str]:
    return [" ".join(line.split()[2:5]) for line in lines]


def test_acts_are_done_when_they_are_due_and_undone_when_they_have_lasted() -> None:
    acts = made(PAUSE_A, PAUSE_B)

    assert told(acts.due(0.9)) == []
    assert told(acts.due(1.0)) == ["pause_detector a for"]
    assert told(acts.due(1.6)) == ["pause_detector b for"]
    assert told(acts.due(2.2)) == ["b is back,"]
    assert told(acts.due(9.0)) == ["a is back,"]
    assert acts.planned_are_done
    assert acts.done == {"pause_detector": 2}


def test_who_is_late_is_undone_before_more_is_done_to_the_same_target() -> None:
    acts = made(PAUSE_A, PAUSE_A_AGAIN)

    assert told(acts.due(3.9)) == ["pause_detector a for"]
    assert told(acts.due(5.0)) == []
    assert told(acts.due(6.0)) == ["a is back,", "pause_detector a for"]


def test_at_the_end_all_is_undone() -> None:
    acts = made(PAUSE_A, PAUSE_B)
    list(acts.due(1.5))

    assert told(acts.finish()) == ["b is back,", "a is back,"]
    assert told(acts.finish()) == []


def test_what_can_not_be_done_here_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "unfit", lambda _: "there is no disk")
    acts = made(PAUSE_A)

    assert list(acts.due(1.0)) == ["   1.0 s  pause_detector skipped: there is no disk"]
    assert acts.skipped == {"pause_detector": "there is no disk"}
    assert acts.done == {}
