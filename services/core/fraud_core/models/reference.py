"""What was usual in the window that a model was trained on, and how what it meets today is counted beside.

For each feature the window's values are told in bins that hold about a tenth each; what a tenth or more have
in common gets a bin of its own, and so does what is unknown. The same bins count what a detector scores, so
that both can be compared without a transaction of the window being kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from fraud_core.kernels import kernel
from fraud_core.models.inputs import Floats
from fraud_core.signals import PREFIX

Ints = NDArray[np.int64]
TENTHS = 10
SCORE_EDGES = (*(tenth / 10 for tenth in range(1, 10)), 0.95, 0.99, 0.999)
"""Between the bins of scores, as `ModelStatus.scores` has them: fine where alerts are."""
CALENDAR = frozenset({"hour", "night", "weekend"})
"""These move all day: they are not compared."""


class Usual(BaseModel):
    """One feature in the training window.

    Attributes:
        typical: its median; null where most have no value.
        edges: between the bins, rising; a value on an edge is above it.
        counts: transactions in each bin, one bin more than edges.
        unknown: transactions without a value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    typical: float | None
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    unknown: int

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        if len(self.counts) != len(self.edges) + 1 or np.any(np.diff(self.edges) <= 0):
            raise ValueError("edges must rise, and there must be one count more than edges")
        return self


class Reference(BaseModel):
    """What was usual.

    Attributes:
        features: those that the model reads, in its order.
        scores: of the window that ranks come from, counts in the bins between `SCORE_EDGES`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: dict[str, Usual]
    scores: tuple[int, ...]

    @model_validator(mode="after")
    def _of_all_bins(self) -> Self:
        if len(self.scores) != len(SCORE_EDGES) + 1:
            raise ValueError(f"scores are counted in {len(SCORE_EDGES) + 1} bins")
        return self


def reference(
    values: Floats,
    names: Sequence[str],
    scores: Floats,
    weights: Floats | None = None,
    score_weights: Floats | None = None,
) -> Reference:
    """What is usual among these transactions.

    Args:
        values: features and signals that the model reads, shape (features, transactions); NaN is unknown.
        names: of these.
        scores: of the window that ranks come from.
        weights: how many transactions each stands for; None for one.
        score_weights: the same of the window of the scores.
    """
    counted = np.ones(values.shape[1]) if weights is None else weights
    usual = {
        name: _of_signal(row, counted) if name.startswith(PREFIX) else _usual(row, counted)
        for name, row in zip(names, values, strict=True)
    }
    places = np.searchsorted(SCORE_EDGES, scores, side="right")
    found = np.bincount(places, weights=score_weights, minlength=len(SCORE_EDGES) + 1)
    return Reference(features=usual, scores=tuple(round(count) for count in found.tolist()))


def _usual(values: Floats, weights: Floats) -> Usual:
    known = np.isfinite(values)
    unknown = float(weights[~known].sum())
    if not known.any():
        return Usual(typical=None, edges=(), counts=(0,), unknown=round(unknown))
    distinct, place = np.unique(values[known], return_inverse=True)
    mass = np.bincount(place, weights=weights[known]).astype(np.float64)
    below = np.cumsum(mass)
    cuts = _cuts(below, mass)
    edges = tuple(_between(distinct[cut], distinct[cut + 1]) for cut in cuts)
    counts = np.diff([0.0, *below[cuts], below[-1]])
    median = float(distinct[np.searchsorted(below, below[-1] / 2)])
    return Usual(
        typical=median if below[-1] >= unknown else None,
        edges=edges,
        counts=tuple(round(count) for count in counts.tolist()),
        unknown=round(unknown),
    )


def _of_signal(values: Floats, weights: Floats) -> Usual:
    """A bin for each answer, even where it was always the same.

    None of the unknown: that was before there was the rule, and no detector will ever meet it.
    """
    others, fired = (float(weights[values == answer].sum()) for answer in (0.0, 1.0))
    counts = (round(others), round(fired))
    return Usual(typical=float(fired > others), edges=(0.5,), counts=counts, unknown=0)


def _cuts(below: Floats, mass: Floats) -> list[int]:
    """Numbers of the distinct values that bins end with; the last one's bin needs no end."""
    found = set()
    for tenth in range(1, TENTHS):
        at = int(np.searchsorted(below, below[-1] * tenth / TENTHS))
        found.add(at)
        if mass[at] >= below[-1] / TENTHS:
            found.add(at - 1)
    return sorted(cut for cut in found if 0 <= cut < len(below) - 1)


def _between(low: float, high: float) -> float:
    """A short number above the one and at most the other."""
    middle = low / 2 + high / 2
    short = float(f"{middle:.6g}")
    return next(edge for edge in (short, middle, float(high)) if low < edge <= high)


@dataclass(frozen=True)
class Bins:
    """The bins of a model's features, ready to count by.

    Attributes:
        names: of the features that are counted.
        rows: of these in a matrix of all features.
        edges: padded with infinity, shape (features, most edges).
        sizes: edges of each.
    """

    names: tuple[str, ...]
    rows: Ints
    edges: Floats
    sizes: Ints

    def count(self, values: Floats) -> Ints:
        """How many of a batch are in each bin; the one after the last holds those without a value.

        Args:
            values: all features, shape (features, transactions); NaN is unknown.

        Returns:
            Shape (features that are counted, most edges + 2); a feature's own bins come first.
        """
        counts = np.zeros((len(self.names), self.edges.shape[1] + 2), dtype=np.int64)
        _count(counts, np.ascontiguousarray(values), self.rows, self.edges, self.sizes)
        return counts

    def told(self, counts: Ints) -> list[tuple[int, ...]]:
        """The counts of each feature, without padding."""
        return [
            tuple(row[: size + 2].tolist()) for row, size in zip(counts, self.sizes.tolist(), strict=True)
        ]


def bins(usual: Mapping[str, Usual], known: Sequence[str]) -> Bins:
    """The bins of all features but the calendar's; `known` names the rows of matrices of all features."""
    places = {name: row for row, name in enumerate(known)}
    names = tuple(name for name in usual if name not in CALENDAR)
    sizes = np.array([len(usual[name].edges) for name in names], dtype=np.int64)
    edges = np.full((len(names), int(sizes.max(initial=0))), np.inf)
    for row, name in zip(edges, names, strict=True):
        row[: len(usual[name].edges)] = usual[name].edges
    return Bins(names, np.array([places[name] for name in names], dtype=np.int64), edges, sizes)


@kernel
def _count(counts: Ints, values: Floats, rows: Ints, edges: Floats, sizes: Ints) -> None:
    for place in range(rows.shape[0]):
        size, row = sizes[place], rows[place]
        for column in range(values.shape[1]):
            value = values[row, column]
            if not np.isfinite(value):
                counts[place, size + 1] += 1
                continue
            low, high = 0, size
            while low < high:
                middle = (low + high) // 2
                if value < edges[place, middle]:
                    high = middle
                else:
                    low = middle + 1
            counts[place, low] += 1
