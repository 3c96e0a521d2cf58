"""From score to probability of fraud, as labels have it."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from fraud_core.models.inputs import Floats


class Calibration(BaseModel):
    """Knots of a map that never falls and is linear between them.

    Attributes:
        score: scores, rising.
        probability: share of frauds at each of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    score: tuple[float, ...]
    probability: tuple[float, ...]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.score or len(self.score) != len(self.probability):
            raise ValueError("score and probability need one and the same number of knots")
        between = all(0 <= probability <= 1 for probability in self.probability)
        if np.any(np.diff(self.score) <= 0) or np.any(np.diff(self.probability) < 0) or not between:
            raise ValueError("score must rise, and probability must not fall and stay between 0 and 1")
        return self

    def apply(self, scores: Floats) -> Floats:
        """Probabilities of these scores."""
        return np.interp(scores, self.score, self.probability)

    def score_for(self, probability: float) -> float | None:
        """The lowest score from which the probability is at least this; None if it never is."""
        at = int(np.searchsorted(self.probability, probability))
        if at == len(self.probability):
            return None
        if at == 0:
            return self.score[0]
        low, high = self.probability[at - 1], self.probability[at]
        share = (probability - low) / (high - low)
        return self.score[at - 1] + share * (self.score[at] - self.score[at - 1])
