"""The last part of a step, judged by itself: who turns bad late is rolled back, whenever operators end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_operator.api.base import duration
from fraud_operator.planning.history import PARTS, History, noted, recent
from tests.support.fraud_models import BATCH, NOW, Universe, spec

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def universe(pause: str = "1d", *, manual: bool = False, **analysis: Any) -> Universe:
    """In the only step of its canary, at its beginning."""
    canary = {"steps": [{"weight": 50, "pause": {"manual": True} if manual else {"duration": pause}}]}
    found = Universe(spec(rollout={"shadow": "0s", "canary": canary, "analysis": analysis}))
    while found.status.step_applied_at is None:
        found.tick()
    return found


def live(found: Universe, span: timedelta, bad: float = 0.0, every: timedelta = MINUTE) -> timedelta:
    """Let time pass with a share of further alerts; gives how much until it was rolled back, or all."""
    began = found.now
    while found.now < began + span and found.condition("Progressing").reason != "RolledBack":
        found.look()
        found.pass_time(every)
        found.late_alerts += int(BATCH * bad)
    return found.now - began


def test_one_that_turns_bad_after_twenty_good_hours_is_rolled_back_within_the_window() -> None:
    found = universe()
    live(found, 20 * HOUR)

    took = live(found, 4 * HOUR, bad=0.4)

    assert took < 65 * MINUTE
    said = found.condition("Progressing")
    assert said.reason == "RolledBack"
    assert said.message.startswith("one: in the last 1h")
    assert "above 25.00%. At canary of one at 50 %: 1,2" in said.message
    assert found.status.stable_version == "baseline"


def test_without_a_window_the_whole_step_alone_counts_which_forgets_nothing() -> None:
    found = universe(window="0s")
    live(found, 20 * HOUR)

    live(found, 4 * HOUR + 2 * MINUTE, bad=0.4)

    assert found.status.stable_version == "one"
    assert found.history == History()


@pytest.mark.parametrize("before", [19 * HOUR, 20 * HOUR + 20 * MINUTE])
def test_an_operator_that_was_killed_says_so_later_and_before_anything_is_promoted(before: timedelta) -> None:
    found = universe()
    live(found, min(before, 20 * HOUR))
    live(found, before - 20 * HOUR, bad=0.4)
    found.history = History()
    live(found, 20 * HOUR - before)

    took = live(found, 4 * HOUR, bad=0.4)

    assert found.condition("Progressing").reason == "RolledBack"
    assert took < 65 * MINUTE


def test_an_operator_that_began_just_before_the_end_of_a_step_promotes_nothing_that_it_has_not_seen() -> None:
    found = universe()
    live(found, 23 * HOUR + 10 * MINUTE)
    live(found, 40 * MINUTE, bad=0.3)
    found.history = History()

    live(found, 20 * MINUTE, bad=0.3)
    waiting = found.condition("Progressing")
    took = live(found, 4 * HOUR, bad=0.3)

    assert waiting.reason == "AwaitingEvidence"
    assert "waits for evidence, until 2026-11-03T12:5" in waiting.message
    assert waiting.message.endswith("as the operator has not seen the last 1h of it yet.")
    assert found.condition("Progressing").reason == "RolledBack"
    assert took < HOUR


def test_an_operator_that_began_anew_holds_no_step_that_is_no_longer_than_the_window() -> None:
    found = universe("1h")
    live(found, 30 * MINUTE)
    found.history = History()

    live(found, 32 * MINUTE)

    assert found.status.stable_version == "one"


def often_killed(found: Universe, span: timedelta, life: timedelta) -> timedelta:
    """Let time pass with operators that live so long; gives how much until it was promoted, or all."""
    began = born = found.now
    while found.now < began + span and found.status.stable_version != "one":
        if found.now >= born + life:
            found.history, born = History(), found.now
        found.look()
        found.pass_time(life / 10)
    return found.now - began


@pytest.mark.parametrize(
    ("pause", "window", "life"), [("1d", "1h", 50 * MINUTE), ("8d", "7d", 6 * DAY), ("30h", "1d", 10 * HOUR)]
)
def test_operators_that_end_again_and_again_hold_up_a_good_candidate_by_one_window_at_most(
    pause: str, window: str, life: timedelta
) -> None:
    found = universe(pause, window=window)
    bound = duration(pause) + duration(window)

    took = often_killed(found, 5 * bound, life)

    assert found.status.stable_version == "one"
    assert duration(pause) <= took <= bound + life / 5


def test_a_step_that_waited_long_for_an_approval_is_still_not_left_before_its_last_part_was_seen() -> None:
    found = universe(manual=True)
    live(found, 30 * HOUR)
    asked = found.condition("Progressing").reason
    live(found, 30 * MINUTE, bad=0.3)
    found.history = History()
    found.change(approvedVersion="one")

    live(found, MINUTE, bad=0.3)
    waiting = found.condition("Progressing")
    live(found, 2 * HOUR, bad=0.3)

    assert asked == "AwaitingApproval"
    assert waiting.message.endswith("as the operator has not seen the last 1h of it yet.")
    assert found.condition("Progressing").reason == "RolledBack"


@given(st.lists(st.tuples(st.integers(1, 90), st.booleans()), max_size=12))
@settings(max_examples=8, deadline=None)
def test_a_good_candidate_is_promoted_whenever_operators_are_killed(lives: list[tuple[int, bool]]) -> None:
    found = universe("12h", maxAlertRateRatio=1.5, maxScorePsi=0.1)
    for minutes, killed in lives:
        found.history = History() if killed else found.history
        live(found, minutes * MINUTE, every=5 * MINUTE)
    live(found, 13 * HOUR, every=5 * MINUTE)

    assert found.status.stable_version == "one"


def test_where_little_is_scored_the_part_is_longer_until_it_has_enough() -> None:
    found = universe("30d", minDecisions=50_000)
    live(found, 100 * HOUR, every=10 * MINUTE)  # 6,000 an hour

    part = recent(found.history, found.model, found.world)

    assert part
    assert 8 * HOUR < found.now - part.since <= 10 * HOUR
    assert live(found, 20 * HOUR, bad=0.9, every=10 * MINUTE) < 9 * HOUR
    assert found.condition("Progressing").message.startswith("one: in the last ")


def test_before_the_window_is_over_nothing_is_told_of_it() -> None:
    found = universe()
    live(found, 59 * MINUTE)
    assert recent(found.history, found.model, found.world) is None

    live(found, 3 * MINUTE)
    assert recent(found.history, found.model, found.world)


def test_another_step_remembers_nothing_and_the_same_one_with_other_limits_goes_on() -> None:
    found = universe()
    live(found, 2 * HOUR)
    found.change(rollout=found.wanted.rollout.to_manifest() | {"analysis": {"maxAlertRate": 0.5}})
    generation = found.rollout.generation if found.rollout else 0
    live(found, 2 * MINUTE)
    assert found.rollout
    assert found.rollout.generation == generation + 1
    assert recent(found.history, found.model, found.world)

    found.rollout = replace(found.rollout, step=1, canary_weight=60.0)

    assert recent(found.history, found.model, found.world) is None
    assert len(noted(found.history, found.model, found.world).snapshots) == 1


def test_who_ran_another_generation_is_no_part_of_what_is_remembered() -> None:
    found = universe()
    first, second = found.world.workers
    behind = replace(second, rollout_generation=(second.rollout_generation or 0) - 1)

    [snapshot] = noted(History(), found.model, replace(found.world, workers=(first, behind))).snapshots

    assert set(snapshot.workers) == {first.worker}


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=300))
@settings(max_examples=40, deadline=None)
def test_few_moments_are_kept_and_one_is_always_hardly_older_than_the_window(gaps: list[int]) -> None:
    found, history, looks = universe(), History(), []
    model, world = found.model, found.world
    for gap in [*gaps, *([60] * 120)]:
        world = replace(world, now=world.now + timedelta(seconds=gap))
        history = noted(history, model, world)
        looks.append(world.now)

        ages = [world.now - each.taken_at for each in history.snapshots]
        assert ages == sorted(ages, reverse=True)
        assert ages[0] == world.now - looks[0]
        assert len(ages) < 24 * 8
        later = [at for at in looks if world.now - at >= HOUR]
        if later:  # as near as looks allow
            assert min(age for age in ages if age >= HOUR) <= world.now - later[-1] + HOUR / PARTS * 2


def test_a_step_of_a_quarter_is_remembered_by_some_hundred_moments() -> None:
    found, history = universe(), History()
    world = found.world
    for number in range(90 * 24):
        world = replace(world, now=NOW + number * HOUR)
        history = noted(history, found.model, world)

    assert len(history.snapshots) < 200
