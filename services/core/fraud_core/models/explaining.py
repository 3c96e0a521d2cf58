"""Which features moved a score, and by how much: Shapley values, sampled.

A transaction is turned from what would be typical of its user into what it is, one feature after the other,
and each feature gets the rise of the score at its turn. What it gets depends on the order, so it is the mean
over a few: a random one, the same begun half-way, and the reverse of both (antithetic sampling of
permutations: Mitchell et al. 2022, JMLR 23), drawn once and the same for ever. In each order the rises add up
to the score minus that of the typical row, and so do their means; a feature with its typical value gets
nothing.

The score is asked as it is, so this works for any model. Each row depends on itself alone, in whatever batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fraud_core.kernels import array_kernel, kernel, part
from fraud_core.models.inputs import Floats

Ints = NDArray[np.int64]
Score = Callable[[Floats], Floats]
"""From all features, shape (features, transactions), to the score of each transaction."""
BEGINNINGS = 2
"""Evenly spread over the order, so that a feature comes early, late and in between. Beginning one order twice
was nearer to the exact values than four random ones, at half the cost."""
SEED = 20_260_101
MOST_ROWS = 16_384
"""So many rows are scored at once: memory stays bounded, whatever the batch."""


@dataclass(frozen=True)
class Explained:
    """Of some transactions.

    Attributes:
        contributions: to the score, shape (features of the model, transactions); NaN where the model failed.
        typical: what the model would have read of what is typical, of the same shape.
    """

    contributions: Floats
    typical: Floats


@cache
def orders(features: int) -> Ints:
    """The orders in which so many features take their turns, shape (2 * BEGINNINGS, features)."""
    # A RandomState's draws, unlike a Generator's, are promised to stay what they are.
    drawn = np.random.RandomState(SEED).permutation(features)
    begun = [np.roll(drawn, -features * number // BEGINNINGS) for number in range(BEGINNINGS)]
    return np.array([order for one in begun for order in (one, one[::-1])], dtype=np.int64)


def explained(score: Score, values: Floats, typical: Floats, rows: Ints) -> Explained:
    """What moved the scores of these transactions.

    Args:
        score: the model's.
        values: all features, shape (features, transactions); NaN is unknown.
        typical: what would be typical of each, of the same shape.
        rows: features that the model reads.
    """
    each = max(1, MOST_ROWS // (2 * BEGINNINGS * len(rows)))
    parts = [
        _of_some(score, values[:, first : first + each], typical[:, first : first + each], rows)
        for first in range(0, values.shape[1], each)
    ]
    nothing = np.zeros((len(rows), 0))
    return Explained(np.concatenate([nothing, *parts], axis=1), typical[rows])


def warm_up() -> None:
    """Have the machine code before the first alert waits for it."""
    values = np.zeros((1, 1))
    explained(lambda asked: np.zeros(asked.shape[1]), values, values + 1.0, np.zeros(1, dtype=np.int64))


def _of_some(score: Score, values: Floats, typical: Floats, rows: Ints) -> Floats:
    """Contributions; where the model fails on a made-up row, one transaction after the other is tried."""
    try:
        return _contributions(score, values, typical, rows)
    except Exception:  # noqa: BLE001 - whatever a model does with rows that never were, the decision stands
        if values.shape[1] == 1:
            return np.full((len(rows), 1), np.nan)
        columns = range(values.shape[1])
        return np.concatenate(
            [_of_some(score, values[:, [one]], typical[:, [one]], rows) for one in columns], axis=1
        )


def _contributions(score: Score, values: Floats, typical: Floats, rows: Ints) -> Floats:
    here, there = (np.ascontiguousarray(one[rows].T) for one in (values, typical))
    turns = orders(len(rows))
    firsts = _firsts(here, there, len(turns))
    asked = np.full((values.shape[0], firsts[-1]), np.nan)
    _ask(asked, here, there, rows, turns, firsts)
    scores = np.ascontiguousarray(score(asked), dtype=np.float64)
    if scores.shape != (asked.shape[1],):  # compiled loops check no index
        raise ValueError(f"it gave {scores.shape} scores for {asked.shape[1]} rows")
    return _shared(scores, here, there, turns, firsts)


@part
def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@array_kernel
def _firsts(here: Floats, there: Floats, count: int) -> Ints:
    """The first row that is asked of each transaction, and the end: two rows, and those between them."""
    firsts = np.zeros(here.shape[0] + 1, dtype=np.int64)
    for row in range(here.shape[0]):
        differing = 0
        for feature in range(here.shape[1]):
            if not _same(here[row, feature], there[row, feature]):
                differing += 1
        firsts[row + 1] = firsts[row] + 2 + count * max(differing - 1, 0)
    return firsts


@kernel
def _ask(asked: Floats, here: Floats, there: Floats, rows: Ints, turns: Ints, firsts: Ints) -> None:
    """For each transaction the typical row, its own, and those between, order by order."""
    width = rows.shape[0]
    for row in range(here.shape[0]):
        at = firsts[row]
        for feature in range(width):
            asked[rows[feature], at] = there[row, feature]
            asked[rows[feature], at + 1] = here[row, feature]
        at += 2
        for order in range(turns.shape[0]):
            end = at + (firsts[row + 1] - firsts[row] - 2) // turns.shape[0]
            for column in range(at, end):
                for feature in range(width):
                    asked[rows[feature], column] = there[row, feature]
            for turn in range(width):
                feature = turns[order, turn]
                if not _same(here[row, feature], there[row, feature]):
                    for column in range(at, end):
                        asked[rows[feature], column] = here[row, feature]
                    at += at < end
            at = end


@array_kernel
def _shared(scores: Floats, here: Floats, there: Floats, turns: Ints, firsts: Ints) -> Floats:
    """What each feature gets of the scores of these rows, shape (features, transactions)."""
    found = np.zeros((here.shape[1], here.shape[0]))
    for row in range(here.shape[0]):
        at = firsts[row] + 2
        for order in range(turns.shape[0]):
            end = at + (firsts[row + 1] - firsts[row] - 2) // turns.shape[0]
            before = scores[firsts[row]]
            for turn in range(here.shape[1]):
                feature = turns[order, turn]
                if not _same(here[row, feature], there[row, feature]):
                    after = scores[at] if at < end else scores[firsts[row] + 1]
                    found[feature, row] += (after - before) / turns.shape[0]
                    before = after
                    at += at < end
            at = end
    return found
