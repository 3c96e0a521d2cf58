"""What speaks for fraud beside a forest, in units that can be added: odds.

Oddness: which share of the training window was as odd? Its inverse, times `ODDS`, are the odds of fraud, by
an assumption made in advance. As odd means: by the forest's output times the sum of the inputs' surprises.
There what is far out in one way only drowns; so the most surprising input counts by itself, too, but `ALONE`
as much: something is rare in many a transaction.

An input's surprise is the logarithm of the inverse of the share that is as far from the median. Where the far
ones differ, it goes on beyond one in a hundred as it rose from one in ten: what hardly ever was is told from
what never was, and the frauds in the window, where they are rarer, hide nothing.

Merchants: the frauds known of a merchant count so far as they can't be chance: the lower end of Wilson's
interval for its rate, above the rate of all merchants. Of almost all merchants that is nothing, and such
evidence leaves the order of their transactions to oddness.
"""

import math
from dataclasses import dataclass

import numpy as np

from fraud_core.features.side.merchants import PRIOR
from fraud_core.kernels import array_kernel
from fraud_core.models.inputs import Floats, Inputs

MERCHANT = ("merchant_smoothed_rate_7d", "merchant_transactions_7d", "merchant_frauds_7d")
"""Seven days: long enough for a handful of transactions, short enough to end when the frauds do."""
ODDS = 3e-4
"""Of a transaction as odd as any; of the oddest thousandth it makes 0.3."""
ALONE = 0.05
SURE = 2.33
"""Standard deviations: the merchant's rate is lower once in a hundred times."""
MOST = 20.0
"""Of surprise: an input that never was so far out."""
TIE = 1e-6
"""What surprises nobody is ordered by the forest."""
_TAILS = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
_FINE = (0.003, 0.001, 3e-4, 1e-4)


@dataclass(frozen=True)
class Surprise:
    """How far out each input was how often. Its module and fields stand in pickles: they must stay.

    Attributes:
        centre: medians of the forest's inputs.
        at: distances from these, rising, shape (inputs, knots), the last ones infinite where there are fewer.
        surprise: their surprises.
        slope: rise beyond the last, for each input.
        alone: how much of what one input says counts by itself.
    """

    centre: Floats
    at: Floats
    surprise: Floats
    slope: Floats
    alone: float

    def of(self, inputs: Inputs) -> Floats:
        """The surprise of each input, shape (rows, inputs)."""
        return _surprises(np.abs(inputs - self.centre), self.at, self.surprise, self.slope)


@dataclass(frozen=True)
class MerchantEvidence:
    """What is made of a merchant's known frauds. Its module and fields stand in pickles: they must stay.

    Attributes:
        sure: standard deviations that chance may have made.
        prior: transactions at the rate of all merchants that the smoothed rate holds.
    """

    sure: float = SURE
    prior: float = PRIOR

    def excess(self, rate: Floats, transactions: Floats, frauds: Floats) -> Floats:
        """By how much the merchant's rate credibly exceeds that of all; nothing where it is unknown."""
        smoothed, count, spread = np.clip(rate, 0.0, 1.0), transactions + self.prior, self.sure * self.sure
        with np.errstate(all="ignore"):
            usual = np.clip((smoothed * count - frauds) / self.prior, 0.0, 1.0)
            middle = smoothed + spread / (2.0 * count)
            chance = np.sqrt(smoothed * (1.0 - smoothed) / count + spread / (4.0 * count * count))
            least = (middle - self.sure * chance) / (1.0 + spread / count)
            return np.clip(np.where(least > usual, least - usual, 0.0), 0.0, 1.0)


def surprise(inputs: Inputs) -> Surprise:
    """What is usual among the inputs of a training window."""
    centre = np.median(inputs, axis=0).astype(np.float64)
    found = [_knots(np.sort(column)) for column in np.abs(inputs - centre).T]
    width = max(at.size for at, _, _ in found)
    padded = [
        (np.pad(at, (0, width - at.size), constant_values=np.inf), np.pad(value, (0, width - at.size)))
        for at, value, _ in found
    ]
    return Surprise(
        centre,
        np.stack([at for at, _ in padded]),
        np.stack([value for _, value in padded]),
        np.array([slope for _, _, slope in found]),
        ALONE,
    )


def _knots(distances: Floats) -> tuple[Floats, Floats, float]:
    """Distances, how surprising each is, and how that goes on beyond the last; from sorted ones."""
    rows = distances.size
    tenth, hundredth = (distances[rows - math.ceil(share * rows)] for share in (0.1, 0.01))
    continued = bool(hundredth > tenth)
    tails = _TAILS if continued else (*_TAILS, *_FINE)
    at = np.unique([distances[rows - math.ceil(share * rows)] for share in tails])
    value = -np.log((rows - np.searchsorted(distances, at, side="left")) / rows)
    return at, value, math.log(10.0) / float(hundredth - tenth) if continued else 0.0


@array_kernel
def _surprises(distances: Floats, at: Floats, surprise: Floats, slope: Floats) -> Floats:
    found = np.zeros(distances.shape)
    last = at.shape[1] - 1
    for row in range(distances.shape[0]):
        for column in range(distances.shape[1]):
            distance = distances[row, column]
            if not distance > at[column, 0]:
                continue
            knot = 0
            while knot < last and at[column, knot + 1] <= distance and at[column, knot + 1] < math.inf:
                knot += 1
            begin, value = at[column, knot], surprise[column, knot]
            if knot < last and at[column, knot + 1] < math.inf:
                rise = (surprise[column, knot + 1] - value) / (at[column, knot + 1] - begin)
            else:
                rise = slope[column]
            if rise > 0.0:
                value += rise * (distance - begin)
            found[row, column] = min(value, MOST)
    return found


@array_kernel
def odds(tails: Floats, surprises: Floats, alone: float) -> Floats:
    """Inverse shares of what is as odd, and what each row's most surprising input says by itself."""
    found = np.empty(tails.size)
    for row in range(tails.size):
        most = 0.0
        for column in range(surprises.shape[1]):
            most = max(most, surprises[row, column])
        found[row] = 1.0 / tails[row] + alone * math.exp(most)
    return found
