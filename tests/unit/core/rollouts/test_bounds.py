"""Limits held against intervals: chance alone breaks hardly any, and what is clearly bad breaks them soon."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.rollouts import Limits
from fraud_core.rollouts.bounds import (
    LIKELY,
    Estimate,
    above,
    above_champions,
    below_champions,
    broken_alone,
    share,
    stability,
    weighted,
    wilson,
)
from fraud_core.rollouts.comparison import population_stability

CANDIDATES = 1_000
LOOKS = np.unique(np.round(1_000 * 1_000 ** np.linspace(0, 1, 40)).astype(int))
"""Transactions at each look, a thousandfold in the end."""
NAME = "its alert rate"


@dataclass(frozen=True)
class Done:
    scored: int
    alerts: int = 0
    seconds: float = 0.0


def counted(rate: float, seed: int, candidates: int = CANDIDATES) -> list[list[int]]:
    """Alerts of each candidate at each look."""
    more = np.random.default_rng(seed).binomial(np.diff(LOOKS, prepend=0), rate, (candidates, len(LOOKS)))
    return np.cumsum(more, axis=1).tolist()  # type: ignore[no-any-return]


def ever_above(rate: float, limit: float) -> float:
    """Share of the candidates that break it in any look."""
    limits = Limits(min_decisions=1_000, max_alert_rate=limit)
    return float(
        np.mean(
            [
                any(
                    broken_alone(limits, Done(count, alerts))
                    for count, alerts in zip(LOOKS.tolist(), row, strict=True)
                )
                for row in counted(rate, 1)
            ]
        )
    )


def test_a_candidate_within_its_limit_passes_all_looks_of_a_step_and_one_beyond_it_does_not() -> None:
    assert ever_above(0.005, 0.01) == 0
    assert ever_above(0.009, 0.01) < 0.01
    assert ever_above(0.01, 0.01) < 0.1  # the very limit
    assert ever_above(0.012, 0.01) == 1


def test_a_candidate_equal_to_the_champion_never_breaks_a_ratio_and_a_worse_one_does() -> None:
    def ever(ours: float, theirs: float, ratio: float) -> float:
        pairs = zip(counted(ours, 2), counted(theirs, 3), strict=True)
        found = [
            any(
                above_champions(NAME, share(mine, count), share(other, count), ratio)
                for count, mine, other in zip(LOOKS.tolist(), *pair, strict=True)
            )
            for pair in pairs
        ]
        return float(np.mean(found))

    assert ever(0.005, 0.005, 1.1) == 0
    assert ever(0.015, 0.005, 2) == 1


def test_a_ratio_holds_where_the_champion_has_no_alert_at_all() -> None:
    [said] = above_champions(NAME, share(500, 10_000), share(0, 10_000), 2)

    assert said == (
        "its alert rate is 5.00% (4.39% to 5.70% from 10,000 transactions), above 2 times the champion's "
        "0.00% (0.00% to 0.09% from 10,000 transactions)"
    )
    assert above_champions(NAME, share(10, 10_000), share(0, 10_000), 2) == []


def measured(frauds: int, labels: int) -> Estimate:
    return Estimate(frauds / labels, *wilson(frauds / labels, labels, LIKELY), f"{labels:,} labelled alerts")


@pytest.mark.parametrize("true", [0.3, 0.5, 0.8])
def test_an_equal_precision_is_seldom_taken_for_a_worse_one_however_often_it_is_measured(true: float) -> None:
    rng, looks = np.random.default_rng(4), range(100, 501, 20)

    def measurements() -> list[Estimate]:
        frauds = np.cumsum(rng.random(500) < true)
        return [measured(int(frauds[labels - 1]), labels) for labels in looks]

    wrong = [
        any(
            below_champions("its precision", ours, theirs, 0.9)
            for ours, theirs in zip(measurements(), measurements(), strict=True)
        )
        for _ in range(CANDIDATES)
    ]

    assert np.mean(wrong) < 0.005


def test_a_clearly_worse_precision_is_told_with_figure_interval_and_limit() -> None:
    [said] = below_champions("its precision", measured(90, 300), measured(150, 300), 0.9)

    assert said == (
        "its precision is 30.00% (25.09% to 35.41% from 300 labelled alerts), below 0.9 times the champion's "
        "50.00% (44.38% to 55.62% from 300 labelled alerts)"
    )
    assert below_champions("its precision", measured(44, 100), measured(50, 100), 0.9) == []


@given(st.integers(0, 1_000), st.integers(1, 1_000_000), st.floats(0, 1))
def test_more_alerts_never_mend_a_broken_limit_nor_do_more_transactions_of_the_same(
    alerts: int, more: int, limit: float
) -> None:
    if above(NAME, share(alerts, 1_000), limit):
        assert above(NAME, share(min(1_000, alerts + more), 1_000), limit)
        assert above(NAME, share(alerts * more, 1_000 * more), limit)


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(0, 1_000), st.floats(0, 10))
def test_more_alerts_of_the_champion_never_break_a_ratio(
    ours: int, theirs: int, more: int, ratio: float
) -> None:
    if above_champions(NAME, share(ours, 1_000), share(min(1_000, theirs + more), 1_000), ratio):
        assert above_champions(NAME, share(ours, 1_000), share(theirs, 1_000), ratio)


@given(st.floats(0, 1), st.integers(1, 10**9), st.floats(0.1, 5))
def test_an_interval_holds_its_share_and_is_one_of_shares(part: float, count: int, errors: float) -> None:
    low, high = wilson(part, count, errors)

    assert 0 <= low <= part + 1e-12
    assert part - 1e-12 <= high <= 1


@given(st.lists(st.booleans(), min_size=1), st.floats(1e-3, 1e3))
def test_equal_weights_are_no_weights(flags: list[bool], weight: float) -> None:
    expected = sum(flags) / len(flags)

    found = weighted(np.array(flags), np.full(len(flags), weight))

    assert found == pytest.approx((expected, *wilson(expected, len(flags), LIKELY)))


def test_what_weighs_nothing_is_not_there_and_what_weighs_differently_says_less() -> None:
    few, none = np.array([True, False] * 50), np.zeros(100, dtype=bool)
    ones = np.ones(100)

    padded = weighted(np.concatenate([few, none]), np.concatenate([ones, 0 * ones]))
    uneven = weighted(few, np.where(np.arange(100) < 2, 100.0, 1.0))

    assert padded == pytest.approx(weighted(few, ones))
    assert uneven == pytest.approx((0.5, *wilson(0.5, 298**2 / 20_098, LIKELY)))


@given(st.integers(0, 4), st.integers(0, 1_000), st.floats(0, 1))
def test_a_handful_of_alerts_proves_nothing_whatever_the_limits_are(
    alerts: int, further: int, limit: float
) -> None:
    done = Done(alerts + further, alerts, seconds=1e-9)

    assert broken_alone(Limits(0, max_alert_rate=limit, max_scoring_us=1e6), done) == []


def test_one_slow_transaction_says_nothing_of_a_mean_time_and_a_hundred_do() -> None:
    limits = Limits(0, max_scoring_us=80)

    assert broken_alone(limits, Done(1, seconds=0.1)) == []
    assert broken_alone(limits, Done(100, seconds=0.1)) == ["its mean time to score is 1000 µs, above 80 µs"]


def test_before_there_are_as_many_as_asked_for_no_limit_counts() -> None:
    limits = Limits(50_000, max_alert_rate=0.1, max_scoring_us=1)

    assert broken_alone(limits, Done(49_999, 49_999, 10)) == []
    assert len(broken_alone(limits, Done(50_000, 50_000, 10))) == 2


def histograms(seed: int, found: int, moved: float = 0.0) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(seed)
    usual = np.full(13, 1 / 13)
    after = usual * (1 + moved * np.where(np.arange(13) % 2, 1, -1))
    return rng.multinomial(found, usual).tolist(), rng.multinomial(found, after / after.sum()).tolist()


def psi_of(before: list[int], after: list[int]) -> Estimate:
    return stability(population_stability(before, after), sum(before), sum(after), len(before))


@pytest.mark.parametrize("found", [50, 1_000, 20_000])
def test_the_psi_of_equal_distributions_is_credibly_none(found: int) -> None:
    estimates = [psi_of(*histograms(seed, found)) for seed in range(CANDIDATES)]

    assert np.mean([one.low > 0 for one in estimates]) < 0.02
    assert np.mean([one.value for one in estimates]) == pytest.approx(24 / found, rel=0.2)


def test_the_psi_of_different_distributions_lies_within_its_interval() -> None:
    true = population_stability(*histograms(0, 100_000_000, 0.5))

    inside = [one.low <= true <= one.high for one in (psi_of(*histograms(s, 1_000, 0.5)) for s in range(500))]

    assert true > 0.25
    assert np.mean(inside) > 0.99
    assert above("PSI", psi_of(*histograms(1, 1_000, 0.9)), 0.25)


def test_one_transaction_moves_no_distribution() -> None:
    assert psi_of([1] + 12 * [0], 12 * [0] + [1]).low == 0
    assert math.isclose(stability(0.3, 10**9, 10**9, 13).low, 0.3, rel_tol=0.01)
