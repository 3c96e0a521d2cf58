"""Which transactions are learned from."""

import numpy as np
import pytest

from fraud_core.models.inputs import Floats
from fraud_trainer.algorithm import Examples
from fraud_trainer.drawing import FIRST_PER_FRAUD, Past, Risk, drawn

COUNT, FRAUDS = 4_000, 20


def past(weights: Floats | None = None) -> Past:
    """The first feature is known of all, the second of none; every two hundredth is a fraud."""
    values = np.stack([np.random.default_rng(0).permutation(COUNT).astype(float), np.full(COUNT, np.nan)])
    frauds = np.arange(COUNT) % (COUNT // FRAUDS) == 0
    return Past(values, ("hour", "amount"), frauds, np.ones(COUNT) if weights is None else weights)


def greatest_first(examples: Examples, _: int) -> Risk:
    """A quick model that takes great values for risky."""
    assert len(examples.frauds) == FRAUDS * (1 + FIRST_PER_FRAUD)
    assert examples.frauds.sum() == FRAUDS
    return lambda inputs: inputs[:, 0]


def test_all_frauds_and_the_riskiest_others_are_kept_for_what_they_are() -> None:
    given = past()

    kept, weights = drawn(given, 30, 0, greatest_first)

    others = np.flatnonzero(~given.frauds)
    riskiest = others[np.argsort(-given.values[0, others])][: 15 * FRAUDS]
    whole = np.concatenate([np.flatnonzero(given.frauds), riskiest])
    assert len(kept) == 31 * FRAUDS
    assert (np.diff(kept) > 0).all()
    assert set(whole.tolist()) <= set(kept.tolist())
    assert (weights[np.isin(kept, whole)] == 1).all()


def test_the_rest_stands_for_all_of_the_rest() -> None:
    weights = np.random.default_rng(1).uniform(1, 100, COUNT)
    given = past(weights)

    kept, weighted = drawn(given, 30, 0, greatest_first)

    assert weighted.sum() == pytest.approx(weights.sum())
    np.testing.assert_array_equal(weighted[given.frauds[kept]], weights[given.frauds])


def test_where_there_are_not_more_all_are_learned_from() -> None:
    def never(*_: object) -> Risk:
        raise AssertionError

    kept, weights = drawn(past(), COUNT, 0, never)

    assert len(kept) == COUNT
    assert (weights == 1).all()


def test_one_seed_draws_the_same_and_another_others() -> None:
    first, again, other = (drawn(past(), 30, seed, greatest_first)[0].tolist() for seed in (0, 0, 1))

    assert first == again
    assert first != other
