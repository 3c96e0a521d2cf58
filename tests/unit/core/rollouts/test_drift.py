"""What workers met against what was usual: how far, where to, and when that can't be said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.connect.records import Distribution, ModelStatus, Role, State, WorkerStatus
from fraud_core.rollouts.comparison import population_stability
from fraud_core.rollouts.drift import Verdict, drift_of, drifted

NOW = datetime(2026, 11, 24, tzinfo=UTC)
USUAL = (250, 250, 250, 250, 0)


def worker(name: str, *models: ModelStatus) -> WorkerStatus:
    return WorkerStatus(f"pipe/{name}", NOW, "pipe", "sink", State.RUNNING, NOW, models=models)


def model(*distributions: Distribution, role: Role = Role.CHAMPION, version: str = "v") -> ModelStatus:
    return ModelStatus(version, role, distributions=distributions)


@pytest.mark.parametrize(
    ("found", "verdict", "towards"),
    [
        ((2_500, 2_500, 2_500, 2_500, 0), Verdict.ALIKE, ""),
        ((400, 250, 200, 150, 0), Verdict.SOMEWHAT, "lower"),
        ((0, 0, 500, 500, 0), Verdict.MOVED, "higher"),
        ((500, 500, 0, 0, 0), Verdict.MOVED, "lower"),
        ((150, 150, 150, 150, 400), Verdict.MOVED, "more unknown"),
        ((0, 0, 0, 0, 1_000), Verdict.MOVED, "more unknown"),
        ((500, 0, 0, 500, 0), Verdict.MOVED, "spread differently"),
        ((0, 0, 0, 999, 0), Verdict.TOO_FEW, ""),
        ((0, 0, 0, 0, 0), Verdict.TOO_FEW, ""),
    ],
)
def test_a_feature_is_judged_by_its_index_and_told_where_it_went(
    found: tuple[int, ...], verdict: Verdict, towards: str
) -> None:
    [drift] = drift_of([Distribution("amount", USUAL, found)])

    assert (drift.verdict, drift.towards) == (verdict, towards)
    assert drift.psi == (None if verdict is Verdict.TOO_FEW else population_stability(USUAL, found))


def test_a_flag_that_is_seldom_set_has_a_direction_too() -> None:
    [drift] = drift_of([Distribution("device_seen_before", (20, 980, 0), (200, 800, 0))])

    assert (drift.verdict, drift.towards) == (Verdict.MOVED, "lower")


def test_a_small_training_window_is_no_measure() -> None:
    [drift] = drift_of([Distribution("amount", (500, 499), (5_000, 0))])

    assert drift.verdict is Verdict.TOO_FEW


def test_shares_of_unknown_values_stand_beside_it_and_the_score_has_none() -> None:
    amount, score = (
        Distribution("amount", (900, 100), (500, 500)),
        Distribution("score", (900, 100), (500, 500)),
    )

    found = {drift.name: drift for drift in drift_of([amount, score])}

    assert (found["amount"].unknown_usual, found["amount"].unknown_now) == (0.1, 0.5)
    assert (found["score"].unknown_usual, found["score"].unknown_now) == (None, None)
    assert (found["amount"].towards, found["score"].towards) == ("more unknown", "higher")


def test_what_moved_most_comes_first_and_what_can_not_be_judged_last() -> None:
    far, near = Distribution("far", USUAL, (1_000, 0, 0, 0, 0)), Distribution("near", USUAL, USUAL)
    few = Distribution("few", USUAL, (1, 0, 0, 0, 0))

    assert [drift.name for drift in drift_of([few, near, far])] == ["far", "near", "few"]


def test_workers_of_one_version_are_summed_up_and_versions_kept_apart() -> None:
    half = Distribution("amount", USUAL, (500, 0, 0, 0, 0))
    old = ModelStatus("v", Role.CHAMPION)
    tried = model(Distribution("amount", USUAL, USUAL), role=Role.CHALLENGER, version="w")

    champion, challenger = drifted(
        [worker("a", model(half), tried), worker("b", model(half)), worker("c", old)]
    )

    assert (champion.version, champion.workers, champion.transactions) == ("v", 2, 1_000)
    assert [drift.name for drift in champion.moved] == ["amount"]
    assert (challenger.version, challenger.role, challenger.moved) == ("w", "challenger", ())


def test_workers_that_have_counted_nothing_yet_are_no_error() -> None:
    [found] = drifted([worker("a", ModelStatus("v", Role.CHAMPION))])

    assert (found.workers, found.transactions, found.drifts) == (0, 0, ())
    assert drifted([]) == []


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=20), st.integers(2, 50))
def test_the_same_shares_are_alike_however_many_there_are(counts: list[int], times: int) -> None:
    usual = tuple(1_000 + count for count in counts)

    [drift] = drift_of([Distribution("amount", usual, tuple(count * times for count in usual))])

    assert drift.verdict is Verdict.ALIKE
