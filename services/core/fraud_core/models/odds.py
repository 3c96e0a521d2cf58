"""Logarithms of odds, row by row: what a row gets must not depend on the batch that it is in.

numpy and BLAS compute a row's last bit by where in a batch it stands; these loops do not.
"""

import math

import numpy as np

from fraud_core.kernels import array_kernel
from fraud_core.models.inputs import Floats


@array_kernel
def logistic(odds: Floats) -> Floats:
    """Probabilities of logarithms of odds."""
    found = np.empty(odds.size)
    for row in range(odds.size):
        found[row] = 1.0 / (1.0 + math.exp(-odds[row]))
    return found


@array_kernel
def log_odds(probabilities: Floats, floor: float, most: float) -> Floats:
    """Logarithms of the odds of probabilities, which count as at least `floor` and at most `most`."""
    found = np.empty(probabilities.size)
    for row in range(probabilities.size):
        bounded = min(max(probabilities[row], floor), most)
        found[row] = math.log(bounded / (1.0 - bounded))
    return found


@array_kernel
def linear(inputs: Floats, weights: Floats, constant: float) -> Floats:
    """Weighted sums of each row of inputs, shape (rows, inputs), and a constant."""
    found = np.full(inputs.shape[0], constant)
    for row in range(inputs.shape[0]):
        for column in range(weights.size):
            found[row] += inputs[row, column] * weights[column]
    return found


@array_kernel
def distance_sums(distances: Floats, power: float) -> Floats:
    """For each row the sum of its distances, shape (rows, inputs), each to a power."""
    found = np.zeros(distances.shape[0])
    for row in range(distances.shape[0]):
        for column in range(distances.shape[1]):
            found[row] += distances[row, column] ** power
    return found
