"""Which features moved a score, and by how much: Shapley values, sampled.

A transaction is turned from what would be typical of its user into what it is, one feature after the other,
and each feature gets the rise of the score at its turn. What it gets depends on the order, so it is the mean
over a few: a random one, the same begun half-way, and the reverse of both (antithetic sampling of
permutations: Mitchell et al. 2022, JMLR 23), drawn once and the same for ever. In each order the rises add up
to the score minus that of the typical row, and so do their means; a feature with its typical value gets
nothing.

The score is asked as it is, so this works for any model. Each row depends on itself alone, in whatever batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

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
    here, there, turns = values[rows].T, typical[rows].T, orders(len(rows))
    count, width = here.shape
    differs = ~((here == there) | (np.isnan(here) & np.isnan(there)))
    turned = differs[:, turns].cumsum(axis=2)  # shape (transactions, orders, turns)
    inner = differs[:, turns] & (turned < differs.sum(axis=1)[:, None, None])
    which, order, turn = np.nonzero(inner)
    places = np.argsort(turns, axis=1)  # of each feature in each order
    mixed = np.where(places[order] <= turn[:, None], here[which], there[which])
    asked = np.full((values.shape[0], len(which) + 2 * count), np.nan)
    asked[rows] = np.concatenate([there, here, mixed]).T
    scores = score(asked)
    ends, found = (scores[:count], scores[count : 2 * count]), scores[2 * count :]
    # Where each turn leaves the score: at its own row, or where the turn before left it.
    at = (np.cumsum(inner) - 1).reshape(inner.shape)
    left = np.where(turned == 0, ends[0][:, None, None], ends[1][:, None, None])
    between = (turned > 0) & (turned < differs.sum(axis=1)[:, None, None])
    left[between] = found[at[between]]
    rises = np.diff(left, axis=2, prepend=np.broadcast_to(ends[0][:, None, None], (*left.shape[:2], 1)))
    total = np.zeros((count, width))
    for number, one in enumerate(turns):  # one by one: sums of arrays may round differently in another shape
        total[:, one] += rises[:, number]
    return (total / len(turns)).T
