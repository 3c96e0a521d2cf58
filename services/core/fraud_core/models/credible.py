"""An Isolation Forest that weighs how far out a transaction is, and knows how often merchants were defrauded.

No label is learned from. The forest calls odd what is rare in many ways at once; how that and what is known
of the merchant become odds of fraud, `evidence` says. Both are taken for independent reasons:
1 - (1 - merchant)(1 - oddness).

The older way is `FarOut` and `MerchantRisk`. The forest's output is multiplied by the sum of the inputs'
distances from their medians, as multiples of the distance that one transaction in a hundred has, to the
power `reach`. The merchant's smoothed rate of frauds is a probability as it stands. Oddness becomes one by
an assumption: below the rank `odd_from` it says nothing, and from there it rises with rank to `MOST`. So
noise in the rates orders all that is not odd, and where merchants are not what is compromised that costs
much.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from fraud_core.models import evidence, isolation_forest
from fraud_core.models.evidence import MERCHANT, MerchantEvidence, Surprise
from fraud_core.models.forest import raw_scores
from fraud_core.models.inputs import Floats, Inputs, prepare
from fraud_core.models.loaded import RawScorer
from fraud_core.models.odds import distance_sums
from fraud_core.models.score_map import ScoreMap, apply

RISK = "merchant_smoothed_rate_7d"
"""Seven days: long enough for a handful of transactions, short enough to end when the frauds do."""
MOST = 0.5
FAR = 0.99
TIE = 1e-6
"""So much of what orders less counts everywhere, where what orders more says the same."""


@dataclass(frozen=True)
class FarOut:
    """How far out each input is. Its module and fields stand in pickles: they must stay.

    Attributes:
        centre: medians of the forest's inputs.
        scale: distances from these that one in a hundred has.
        reach: power of the distance.
    """

    centre: Floats
    scale: Floats
    reach: float

    def factor(self, inputs: Inputs) -> Floats:
        """The forest's output is multiplied by this."""
        distances = np.abs(inputs - self.centre) / self.scale
        return distance_sums(distances, self.reach) + TIE


@dataclass(frozen=True)
class MerchantRisk:
    """How the merchant's rate is read. Its module and fields stand in pickles: they must stay.

    Attributes:
        rank: from oddness to its rank in the training window.
        odd_from: rank from which a transaction counts as odd.
        usual_rate: rate of a merchant of which nothing is known.
    """

    rank: ScoreMap
    odd_from: float
    usual_rate: float


@dataclass(frozen=True)
class CredibleForest:
    """A forest with what is weighed beside it. Its module and fields stand in pickles: they must stay."""

    fitted: Pipeline
    far_out: FarOut | None = None
    merchant: MerchantRisk | None = None
    surprise: Surprise | None = None
    evidence: MerchantEvidence | None = None
    rank: ScoreMap | None = None
    """From oddness to its rank in the training window, where `surprise` or `evidence` is there."""


def far_out(inputs: Inputs, reach: float) -> FarOut:
    """What is usual among the inputs of a training window."""
    centre = np.median(inputs, axis=0).astype(np.float64)
    distances = np.abs(inputs - centre)
    scale = np.maximum(np.quantile(distances, FAR, axis=0), inputs.std(axis=0, dtype=np.float64))
    return FarOut(centre, np.where(scale > 0, scale, np.inf), reach)


def raw_scorer(fitted: object, rows: NDArray[np.int64]) -> RawScorer:
    """Raw output for matrices of all features.

    With a merchant's risk the last of `rows` is the rate; with evidence the last are those of `MERCHANT`.

    Raises:
        ValueError: this is neither such a forest nor a plain one.
    """
    if not isinstance(fitted, CredibleForest):
        return isolation_forest.raw_scorer(fitted, rows)
    if fitted.rank is not None:
        return _by_odds(fitted, fitted.rank, rows)
    merchant = fitted.merchant
    if merchant is None:
        return oddness(fitted, rows)
    odd, knots, rate_row = oddness(fitted, rows[:-1]), merchant.rank.arrays(), int(rows[-1])

    def raw(values: Floats) -> Floats:
        rank = apply(odd(values), knots)
        beyond = MOST * np.clip((rank - merchant.odd_from) / (1.0 - merchant.odd_from), 0.0, 1.0)
        rate = np.where(np.isnan(values[rate_row]), merchant.usual_rate, values[rate_row])
        return np.asarray(1.0 - (1.0 - rate) * (1.0 - beyond) + TIE * rank)

    return raw


def oddness(fitted: CredibleForest, rows: NDArray[np.int64]) -> RawScorer:
    """How odd transactions are, whatever is known of their merchants."""
    far = fitted.far_out
    if far is None:
        return isolation_forest.raw_scorer(fitted.fitted, rows)
    preparation, forest = isolation_forest.opened(fitted.fitted, rows)

    def raw(values: Floats) -> Floats:
        inputs = prepare(values, preparation)
        return raw_scores(forest, inputs) * far.factor(inputs)

    return raw


def forest_rows(fitted: CredibleForest, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of a model's rows that its forest reads."""
    return rows[: -len(MERCHANT)] if fitted.evidence else rows


def combined(fitted: CredibleForest, rows: NDArray[np.int64]) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Oddness in all ways together, and the surprise of each input; `rows` are those of the forest."""
    preparation, forest = isolation_forest.opened(fitted.fitted, rows)

    def both(values: Floats) -> tuple[Floats, Floats]:
        inputs = prepare(values, preparation)
        raw = raw_scores(forest, inputs)
        if fitted.surprise is None:
            return raw, np.zeros((raw.size, 0))
        surprises = fitted.surprise.of(inputs)
        return raw * (distance_sums(surprises, 1.0) + evidence.TIE), surprises

    return both


def _by_odds(fitted: CredibleForest, rank: ScoreMap, rows: NDArray[np.int64]) -> RawScorer:
    both, knots = combined(fitted, forest_rows(fitted, rows)), rank.arrays()
    alone = fitted.surprise.alone if fitted.surprise else 0.0

    def raw(values: Floats) -> Floats:
        odd, surprises = both(values)
        usual = 1.0 / (1.0 + evidence.ODDS * evidence.odds(1.0 - apply(odd, knots), surprises, alone))
        if fitted.evidence is None:
            return np.asarray(1.0 - usual)
        return np.asarray(1.0 - (1.0 - fitted.evidence.excess(*values[rows[-len(MERCHANT) :]])) * usual)

    return raw
