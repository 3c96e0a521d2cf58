"""From a model's raw output to a risk rank: 0.99 is riskier than 99 % of the validation window.

The map is strictly increasing and linear between knots, so scores order transactions as the raw output does,
and scores of different kinds of model can be compared. Beyond the knots it goes on rising towards 0 and 1
without reaching them.
"""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from fraud_core.kernels import array_kernel
from fraud_core.models.inputs import Floats

_TARGETS = np.concatenate([np.linspace(0.0, 0.98, 50), 1.0 - np.geomspace(0.02, 1e-5, 60)])
_STEP = 1e-9
"""Rise of the score over the step of one float that a boundary makes."""


class ScoreMap(BaseModel):
    """Knots of the map.

    Attributes:
        raw: raw outputs, rising.
        rank: their scores, rising, between 0 and 1 and never either.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    raw: tuple[float, ...]
    rank: tuple[float, ...]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.raw or len(self.raw) != len(self.rank):
            raise ValueError("raw and rank need one and the same number of knots")
        if np.any(np.diff(self.raw) <= 0) or np.any(np.diff((0.0, *self.rank, 1.0)) <= 0):
            raise ValueError("raw must rise, and rank must rise between 0 and 1")
        return self

    def __getstate__(self) -> dict[Any, Any]:
        """Without the names of the fields that were given: in each process they come in another order.

        A map stands in bundles, whose digest must not depend on that.
        """
        return {**super().__getstate__(), "__pydantic_fields_set__": set()}

    def arrays(self) -> tuple[Floats, Floats]:
        """The knots as arrays, for `apply`."""
        return np.array(self.raw), np.array(self.rank)


def fit(raw: Floats, boundary: float | None = None, weights: Floats | None = None) -> ScoreMap:
    """The map for the raw outputs of a validation window; equal outputs get the middle of their ranks.

    Args:
        raw: raw outputs, at least one.
        boundary: a raw output that scores must tell from the next greater float.
        weights: how many transactions of the traffic each stands for; None for one.
    """
    values, place = np.unique(raw, return_inverse=True)
    mass = np.bincount(place, weights=weights)
    ranks = (np.cumsum(mass) - mass / 2) / mass.sum()
    picked = np.unique(np.minimum(np.searchsorted(ranks, _TARGETS), len(values) - 1))
    found = ScoreMap(raw=tuple(values[picked].tolist()), rank=tuple(ranks[picked].tolist()))
    return found if boundary is None else _with_boundary(found, boundary)


def apply(raw: Floats, knots: tuple[Floats, Floats]) -> Floats:
    """Scores of raw outputs; each depends on its own output alone, and NaN stays NaN."""
    return _interpolated(raw, *knots)


def _with_boundary(found: ScoreMap, boundary: float) -> ScoreMap:
    """The map with a knot at the boundary and one just above it."""
    rank = float(apply(np.array([boundary]), found.arrays())[0])
    above = math.nextafter(boundary, math.inf)
    knots = {raw: at for raw, at in zip(found.raw, found.rank, strict=True) if raw != above}
    following = min((at for raw, at in knots.items() if raw > boundary), default=1.0)
    knots |= {boundary: rank, above: rank + min(_STEP, (following - rank) / 2)}
    ordered = sorted(knots)
    return ScoreMap(raw=tuple(ordered), rank=tuple(knots[raw] for raw in ordered))


@array_kernel
def _interpolated(raw: Floats, knots: Floats, ranks: Floats) -> Floats:
    scores = np.empty(raw.shape[0])
    last = knots.shape[0] - 1
    scale = knots[last] - knots[0] if last else 1.0
    for row in range(raw.shape[0]):
        value = raw[row]
        if math.isnan(value):  # the search below would end beyond the last knot
            scores[row] = value
            continue
        if value <= knots[0]:
            score = ranks[0] / (1.0 + (knots[0] - value) / scale)
        elif value >= knots[last]:
            score = 1.0 - (1.0 - ranks[last]) / (1.0 + (value - knots[last]) / scale)
        else:
            right = np.searchsorted(knots, value, side="right")
            left = right - 1
            slope = (ranks[right] - ranks[left]) / (knots[right] - knots[left])
            score = min(ranks[left] + (value - knots[left]) * slope, ranks[right])
        scores[row] = min(max(score, 5e-324), 0.9999999999999999)
    return scores


def threshold_for(
    scores: NDArray[np.float64],
    budget: float,
    already: NDArray[np.bool_] | None = None,
    weights: Floats | None = None,
) -> float:
    """The lowest score from which alerts fit the budget.

    Args:
        scores: scores of a validation window.
        budget: greatest share of the window that may be alerts.
        already: rows that are alerts whatever their score; they use up budget. Where they alone exceed it,
            the budget is the model's own.
        weights: how many transactions of the traffic each stands for; None for one.

    Returns:
        One of the scores, or just above all of them where even the highest would be too many.
    """
    mass = np.ones(len(scores)) if weights is None else weights
    allowed = budget * mass.sum()
    taken = np.zeros(len(scores)) if already is None else mass * already
    if taken.sum() > allowed:
        taken = np.zeros(len(scores))
    values, first = np.unique(-scores, return_inverse=True)
    added = np.bincount(first, weights=mass - taken, minlength=len(values))
    fits = np.flatnonzero(taken.sum() + np.cumsum(added) <= allowed)
    if not len(fits):
        return math.nextafter(float(-values[0]), math.inf)
    return float(-values[fits[-1]])
