"""Several models as one: the weighted mean of what they say, as log-odds.

`model.joblib` holds `Members`. A classifier speaks in probabilities of fraud; the Isolation Forest, which
knows none, in the rank that it gives a transaction within the training window.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from fraud_core.models import classifier, isolation_forest
from fraud_core.models.inputs import Floats
from fraud_core.models.loaded import RawScorer
from fraud_core.models.odds import log_odds, logistic
from fraud_core.models.score_map import ScoreMap, apply

MOST = 1.0 - 1e-4
"""A member's probability counts as at most this, so that no member outvotes all."""


@dataclass(frozen=True)
class Member:
    """One model of an ensemble. Its module and fields stand in pickles: they must stay.

    Attributes:
        weight: of its log-odds; those of all members add up to 1.
        fitted: its pipeline.
        places: of its features among those of the ensemble.
        rank: for an Isolation Forest its map from raw output to rank, else None.
        floor: its probability counts as at least this; None for what the ensemble says.
    """

    weight: float
    fitted: Pipeline
    places: tuple[int, ...]
    rank: ScoreMap | None = None
    floor: float | None = None


@dataclass(frozen=True)
class Members:
    """All of them. Its module and fields stand in pickles: they must stay.

    Attributes:
        members: by name.
        floor: a member's probability counts as at least this, where it has no floor of its own: how sure one
            is of what is harmless shall not outvote what others see in it.
    """

    members: Mapping[str, Member]
    floor: float


def raw_scorer(fitted: object, rows: NDArray[np.int64]) -> RawScorer:
    """The ensemble's probability for matrices of all features; `rows` are those that it reads, in its order.

    Raises:
        ValueError: this is no ensemble.
    """
    if not isinstance(fitted, Members) or not fitted.members:
        raise ValueError("it has no members")
    weighted = [
        (member.weight, fitted.floor if member.floor is None else member.floor, member_scorer(member, rows))
        for member in fitted.members.values()
    ]

    def raw(values: Floats) -> Floats:
        odds = np.zeros(values.shape[1])
        for weight, floor, scorer in weighted:
            odds += weight * log_odds(scorer(values), floor, MOST)
        return logistic(odds)

    return raw


def member_scorer(member: Member, rows: NDArray[np.int64]) -> RawScorer:
    """What one member alone says, between 0 and 1."""
    read = rows[list(member.places)]
    if member.rank is None:
        return classifier.raw_scorer(member.fitted, read)
    raw, knots = isolation_forest.raw_scorer(member.fitted, read), member.rank.arrays()
    return lambda values: apply(raw(values), knots)


def alone(fitted: object, rows: NDArray[np.int64]) -> dict[str, RawScorer]:
    """What each member alone says; nothing for a model that has none."""
    if not isinstance(fitted, Members):
        return {}
    return {name: member_scorer(member, rows) for name, member in fitted.members.items()}
