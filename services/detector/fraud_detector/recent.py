"""What a version has met in the last days of event time, in the bins of the window that it was trained on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fraud_core.connect.records import SCORE, Distribution
from fraud_core.features.side.latest import LATEST, note_all, unknown
from fraud_core.models import LoadedModel
from fraud_core.models.reference import SCORE_EDGES

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
DAYS = 7
"""A whole week, so that a Sunday is no drift; and no more, so that what begins today is soon seen."""
DAY_H = 24


@dataclass(frozen=True)
class Met:
    """Counts of one day.

    Attributes:
        features: as `Bins.count` gives them.
        scores: shape (bins of scores,).
    """

    features: Ints
    scores: Ints

    def plus(self, other: "Met") -> "Met":
        """The sum of both."""
        return Met(self.features + other.features, self.scores + other.scores)


Days = dict[int, Met]


@dataclass
class Recent:
    """The counts of one version by day; what is committed, and what is not yet.

    The latest day is one that batches agree on, else a single time that lies far ahead would let nothing else
    be of the last days. Belongs to the engine's thread; `told` may be called from any.
    """

    model: LoadedModel
    _committed: Days = field(default_factory=dict)
    _open: Days = field(default_factory=dict)
    _days: list[int] = field(default_factory=list)
    _latest: Ints = field(default_factory=unknown)

    def add(self, day: int, values: Floats, scores: Floats) -> None:
        """A batch that was scored: the day of most of its transactions, its features and its scores."""
        bins = self.model.bins
        if bins is None:
            return
        places = np.searchsorted(SCORE_EDGES, scores[np.isfinite(scores)], side="right")
        met = Met(bins.count(values), np.bincount(places, minlength=len(SCORE_EDGES) + 1))
        self._open = _summed(self._open, {day: met})
        self._days.append(day)

    def commit(self) -> None:
        """What was added has been committed."""
        if self._open:
            both = _summed(self._committed, self._open)
            latest = self._latest_of(both)
            # A new dictionary: another thread may be reading the old one.
            self._committed = {day: met for day, met in both.items() if latest - DAYS < day <= latest + 1}
            self._open, self._days = {}, []

    def abort(self) -> None:
        """What was added never happened."""
        self._open, self._days = {}, []

    def told(self) -> tuple[Distribution, ...]:
        """Of the score and of each feature: what was usual, and what was met; empty before anything was."""
        usual, bins, days = self.model.manifest.reference, self.model.bins, list(self._committed.values())
        if usual is None or bins is None or not days:
            return ()
        met = Met(
            np.sum([day.features for day in days], axis=0), np.sum([day.scores for day in days], axis=0)
        )
        found = dict(zip(bins.names, bins.told(met.features), strict=True))
        return (
            Distribution(SCORE, usual.scores, tuple(met.scores.tolist())),
            *(
                Distribution(name, (*usual.features[name].counts, usual.features[name].unknown), counts)
                for name, counts in found.items()
            ),
        )

    def _latest_of(self, days: Days) -> int:
        """The greatest, as long as too few batches were met to agree on one."""
        note_all(self._latest, np.array(self._days, dtype=np.int64) * DAY_H, DAYS * DAY_H)
        hour = int(self._latest[LATEST])
        return max(days) if hour < 0 else hour // DAY_H


def _summed(before: Days, added: Days) -> Days:
    more = {day: before[day].plus(met) if day in before else met for day, met in added.items()}
    return {**before, **more}
