"""What champion and challenger did with the same transactions, counted when these are committed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fraud_core.models.reference import SCORE_EDGES

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

EDGES = np.array([*SCORE_EDGES, 1.0])
"""Upper bounds of the counts of scores, as `ModelStatus.scores` has them: fine where alerts are."""


@dataclass(frozen=True)
class Counts:
    """Of one version; `schemas/WorkerStatus.avsc` says what each field means."""

    scored: int = 0
    decided: int = 0
    alerts: int = 0
    disagreements: int = 0
    seconds: float = 0.0
    scores: Ints = field(default_factory=lambda: np.zeros(len(EDGES), dtype=np.int64))

    def plus(self, other: "Counts") -> "Counts":
        """The sum of both."""
        return Counts(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def counts(scores: Floats, alerted: Mask, *, decided: int, disagreements: int, seconds: float) -> Counts:
    """Of one batch."""
    places = np.searchsorted(EDGES, scores, side="right")
    return Counts(
        scored=len(scores),
        decided=decided,
        alerts=int(alerted.sum()),
        disagreements=disagreements,
        seconds=seconds,
        scores=np.bincount(np.minimum(places, len(EDGES) - 1), minlength=len(EDGES)),
    )


@dataclass
class Totals:
    """The counts of one version: what is committed, and what is not yet."""

    committed: Counts = Counts()
    _open: Counts | None = None

    def add(self, batch: Counts) -> None:
        """A batch that was scored; it counts once it is committed."""
        self._open = batch if self._open is None else self._open.plus(batch)

    def commit(self) -> None:
        """What was added has been committed."""
        if self._open is not None:
            self.committed, self._open = self.committed.plus(self._open), None

    def abort(self) -> None:
        """What was added never happened."""
        self._open = None
