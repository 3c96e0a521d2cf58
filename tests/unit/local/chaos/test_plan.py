"""The acts of a run: drawn from its seed, all kinds of them, and none that can't be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_local.chaos.acts import WAYS
from fraud_local.chaos.place import AT_RISK
from fraud_local.chaos.plan import DETECTORS, Act, Kind, plan

seeds = st.integers(0, 10_000)


def test_the_same_seed_plans_the_same_acts_and_another_one_others() -> None:
    assert plan(7, 300) == plan(7, 300)
    assert plan(7, 300) != plan(8, 300)


def test_a_longer_run_with_the_same_seed_begins_as_the_shorter_one() -> None:
    shorter, longer = plan(7, 120), plan(7, 600)

    assert longer[: len(shorter)] == shorter
    assert len(longer) > 4 * len(shorter)


@given(seeds)
def test_every_kind_comes_within_two_minutes(seed: int) -> None:
    assert {act.kind for act in plan(seed, 120)} == set(Kind) == set(WAYS)


@given(seeds)
def test_acts_come_in_order_and_are_undone_before_the_end(seed: int) -> None:
    acts = plan(seed, 200)

    assert [act.at for act in acts] == sorted(act.at for act in acts)
    assert all(act.until < 200 for act in acts)


@given(seeds)
def test_nothing_is_done_to_who_is_down_or_not_there(seed: int) -> None:
    back = dict.fromkeys((*DETECTORS, "broker", "registry", "input"), 0.0)
    for act in plan(seed, 600):
        if act.kind is Kind.ADD_DETECTOR:
            assert act.target not in back
            back[act.target] = act.until
        assert act.at >= back[act.target]
        back[act.target] = act.until
        if act.kind is Kind.REMOVE_DETECTOR:
            assert act.target not in DETECTORS
            del back[act.target]


def test_a_long_pause_outlasts_the_session_timeout_of_the_detectors() -> None:
    session_s = int(AT_RISK["FRAUD_GROUP__SESSION_TIMEOUT_MS"]) / 1_000
    pauses = [act for act in plan(1, 3_000) if act.kind is Kind.PAUSE_DETECTOR_FOR_LONG]

    assert len(pauses) > 10
    assert all(pause.lasts > session_s for pause in pauses)


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_no_time_no_acts(seconds: float) -> None:
    empty: tuple[Act, ...] = ()

    assert plan(1, seconds) == empty
