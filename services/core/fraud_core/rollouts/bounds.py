"""Limits held against where a figure credibly lies, and not against what a sample happens to show.

Operators and workers look at a limit every few seconds for as long as a step lasts. Each look is one more
chance to be unlucky, and one is enough: what breaks a limit is rejected for good.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraud_core.rollouts.records import Limits

SURE = 3.0
"""Standard errors to either end of an interval. One look errs about once in 700, and a look at counts that
have grown a little tells much the same as the one before: while they grow a thousandfold, one in twenty of
those candidates is rejected whose rate is the very limit, and hardly one whose rate is a tenth less."""
LIKELY = 1.959964
"""The same for 95 %, as precision has: it is measured once an hour, and two such intervals that lie apart are
2.8 standard errors of their difference."""
FEW = 5
"""Fewer events prove nothing: the interval is an approximation, and the first alert of all may be early."""
TIMED = 100
"""Transactions of a mean time that says something: workers tell no interval of it, and a call may be slow."""


@dataclass(frozen=True)
class Estimate:
    """A figure of a sample, and between which ends the true one credibly lies.

    Attributes:
        sample: of what, in words.
        form: how it is written.
    """

    value: float
    low: float
    high: float
    sample: str
    form: str = ".2%"

    def __str__(self) -> str:
        """`40.00% (36.77% to 43.32% from 2,000 transactions)`."""
        value, low, high = (format(each, self.form) for each in (self.value, self.low, self.high))
        return f"{value} ({low} to {high} from {self.sample})"


class Counted(Protocol):
    """What a version did with the transactions that it scored."""

    @property
    def scored(self) -> int:
        """Transactions."""

    @property
    def alerts(self) -> int:
        """Those on which it alerts."""

    @property
    def seconds(self) -> float:
        """Time that it took to score them."""


def wilson(value: float, count: float, errors: float) -> tuple[float, float]:
    """Wilson's interval of a share.

    Args:
        value: the share in the sample.
        count: its size; where elements weigh differently, as many equal weights as would say as much.
        errors: standard errors to either end.
    """
    square = errors**2 / count
    middle = (value + square / 2) / (1 + square)
    half = errors / (1 + square) * math.sqrt(value * (1 - value) / count + square / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def weighted(
    mask: NDArray[np.bool_], weights: NDArray[np.float64], errors: float = LIKELY
) -> tuple[float, float, float]:
    """The share of the weight that is within the mask, and Wilson's interval of it.

    Weights that differ say less than as many equal ones: their count is that of the equal ones that would say
    as much (Kish).

    Args:
        mask: elements of the sample, of which there is one at least.
        weights: how much each of them stands for.
        errors: standard errors to either end.
    """
    value = float((weights * mask).sum() / weights.sum())
    count = float(weights.sum() ** 2 / (weights**2).sum())
    return value, *wilson(value, count, errors)


def share(part: int, count: int) -> Estimate | None:
    """The share of transactions with something; None without any transaction."""
    if count == 0:
        return None
    low, high = wilson(part / count, count, SURE)
    return Estimate(part / count, low if part >= FEW else 0.0, high, f"{count:,} transactions")


def stability(index: float, before: int, found: int, bins: int) -> Estimate:
    """A population stability index of two samples over the same bins.

    Equal populations have one, too, by chance: times N, where 1/N = 1/before + 1/found, it is distributed as
    chi-squared with bins - 1 degrees of freedom, non-central for those that differ.
    """
    size, freedom = before * found / (before + found), max(0, bins - 1)
    excess, square = size * index - freedom, SURE**2
    middle = excess + 2 * square
    half = math.sqrt(max(0.0, 4 * square * excess + 4 * square**2 + 2 * square * freedom))
    low, high = max(0.0, middle - half) / size, max(0.0, middle + half) / size
    return Estimate(index, low if excess > 0 else 0.0, high, f"{found:,} transactions", ".3f")


def above(name: str, found: Estimate | None, limit: float | None) -> list[str]:
    """What to say where a figure is credibly above its limit; nothing where either is None."""
    if found is None or limit is None or found.low <= limit:
        return []
    return [f"{name} is {found}, above {limit:{found.form}}"]


def above_champions(
    name: str, found: Estimate | None, other: Estimate | None, ratio: float | None
) -> list[str]:
    """The same where the limit is a multiple of the champion's: also of one that has nothing yet."""
    if found is None or other is None or ratio is None or found.low <= ratio * other.high:
        return []
    return [f"{name} is {found}, above {ratio:g} times the champion's {other}"]


def below_champions(name: str, found: Estimate | None, other: Estimate | None, ratio: float) -> list[str]:
    """The same where it is the least that is allowed."""
    if found is None or other is None or found.high >= ratio * other.low:
        return []
    return [f"{name} is {found}, below {ratio:g} times the champion's {other}"]


def broken_alone(limits: Limits, done: Counted) -> list[str]:
    """Limits that a challenger breaks whatever the champion does: what a worker drops it for by itself."""
    if done.scored < max(1, limits.min_decisions):
        return []
    said = above("its alert rate", share(done.alerts, done.scored), limits.max_alert_rate)
    micros, most = done.seconds / done.scored * 1e6, limits.max_scoring_us
    if most is not None and done.scored >= TIMED and micros > most:
        said.append(f"its mean time to score is {micros:.4g} µs, above {most:.4g} µs")
    return said
