"""Draws that the simulator makes everywhere."""

import numpy as np

from fraud_producer.simulator.rows import Bools, Floats


def happens(rng: np.random.Generator, share: float | Floats, count: int) -> Bools:
    """Whether something happens that does so in this share of cases, for each of so many."""
    happened: Bools = rng.random(count) < share
    return happened


def around(rng: np.random.Generator, median: float, spread: float, count: int) -> Floats:
    """So many lognormal numbers with this median; `spread` is the standard deviation of their logarithm."""
    return rng.lognormal(np.log(median), spread, count)
