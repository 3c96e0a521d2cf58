"""Champion and challenger, summed up over the workers that run the rollout."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.connect.records import ModelStatus, Role, State, WorkerStatus
from fraud_core.rollouts.comparison import compared, population_stability

NOW = datetime(2026, 11, 24, tzinfo=UTC)
histograms = st.lists(st.integers(0, 10_000), min_size=13, max_size=13)


def worker(name: str, generation: int, *models: ModelStatus) -> WorkerStatus:
    return WorkerStatus(
        f"pipe/{name}", NOW, "pipe", "sink", State.RUNNING, NOW, rollout_generation=generation, models=models
    )


def model(role: Role, scored: int, alerts: int, **more: object) -> ModelStatus:
    scores = (scored - alerts, alerts)
    return ModelStatus(role.value, role, threshold=0.9, scored=scored, alerts=alerts, scores=scores, **more)  # type: ignore[arg-type]


def test_counts_of_all_workers_of_the_generation_are_summed() -> None:
    found = compared(
        [
            worker("a", 7, model(Role.CHAMPION, 100, 2), model(Role.CHALLENGER, 100, 4, disagreements=2)),
            worker("b", 7, model(Role.CHAMPION, 300, 2), model(Role.CHALLENGER, 300, 8, disagreements=6)),
            worker("old", 6, model(Role.CHAMPION, 10_000, 9_000)),
        ],
        7,
    )

    assert found.champion is not None
    assert found.challenger is not None
    assert (found.champion.scored, found.champion.alert_rate) == (400, 0.01)
    assert (found.challenger.scored, found.challenger.alert_rate) == (400, 0.03)
    assert found.challenger.scores == (388, 12)
    assert found.disagreement == 0.02


def test_a_worker_that_dropped_the_challenger_is_named_with_its_reason() -> None:
    dropped = model(Role.CHALLENGER, 10, 1, running=False, trace="a score is not a number", errors=1)

    found = compared([worker("a", 7, model(Role.CHAMPION, 10, 1), dropped)], 7).challenger

    assert found is not None
    assert (found.workers, found.errors) == (0, 1)
    assert found.dropped == {"pipe/a": "a score is not a number"}


def test_without_reports_there_is_nothing_to_compare() -> None:
    found = compared([], 1)

    assert (found.champion, found.challenger, found.psi, found.disagreement) == (None, None, None, None)


@given(histograms)
def test_a_distribution_is_like_itself(counts: list[int]) -> None:
    assert population_stability(counts, counts) == pytest.approx(0, abs=1e-12)


@given(histograms, histograms)
def test_the_index_is_never_negative_and_the_same_both_ways(one: list[int], other: list[int]) -> None:
    assert population_stability(one, other) >= -1e-12
    assert population_stability(one, other) == pytest.approx(population_stability(other, one))


def test_a_moved_distribution_counts_as_different() -> None:
    assert population_stability([500, 500], [500, 505]) < 0.1
    assert population_stability([800, 200], [400, 600]) > 0.25
