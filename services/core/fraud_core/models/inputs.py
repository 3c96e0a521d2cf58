"""From features to a forest's inputs: logarithm, limits, and a value for what is unknown.

The same arithmetic runs in the fitted scikit-learn pipeline (`shape_inputs`, during training) and in the
detector (`prepare`), so both see the same bits.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_core.kernels import array_kernel, kernel, part

Floats = NDArray[np.float64]
Inputs = NDArray[np.float32]


@dataclass(frozen=True)
class Preparation:
    """What happens to each input, in the model's order of features.

    Attributes:
        rows: row of the feature in a matrix of all features.
        logged: whether sign(x) · log(1 + |x|) is read instead of x.
        low: lower limit after the logarithm.
        high: upper limit after the logarithm.
        fill: value read where the feature is unknown.
    """

    rows: NDArray[np.int64]
    logged: NDArray[np.bool_]
    low: Floats
    high: Floats
    fill: Floats


def shape_inputs(
    values: NDArray[Any], logged: tuple[bool, ...], low: tuple[float, ...], high: tuple[float, ...]
) -> Floats:
    """Logarithm and limits for a matrix of shape (transactions, inputs); NaN stays NaN.

    The pipeline inside a bundle calls this by name: its module and meaning must stay.
    """
    shaped = np.array(values, dtype=np.float64, order="C")
    _shape(shaped, np.array(logged, dtype=np.bool_), np.array(low), np.array(high))
    return shaped


def prepare(values: Floats, preparation: Preparation) -> Inputs:
    """Inputs of shape (transactions, inputs) from a matrix of shape (all features, transactions)."""
    how = preparation
    return _prepare(np.ascontiguousarray(values), how.rows, how.logged, how.low, how.high, how.fill)


@part
def _shaped(value: float, logged: bool, low: float, high: float) -> float:  # noqa: FBT001 - numba takes positions
    if logged:
        value = math.copysign(math.log1p(abs(value)), value)
    if value < low:
        return low
    if value > high:
        return high
    return value


@kernel
def _shape(values: Floats, logged: NDArray[np.bool_], low: Floats, high: Floats) -> None:
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            values[row, column] = _shaped(values[row, column], logged[column], low[column], high[column])


@array_kernel
def _prepare(
    values: Floats,
    rows: NDArray[np.int64],
    logged: NDArray[np.bool_],
    low: Floats,
    high: Floats,
    fill: Floats,
) -> Inputs:
    inputs = np.empty((values.shape[1], rows.shape[0]), dtype=np.float32)
    for column in range(rows.shape[0]):
        for row in range(values.shape[1]):
            value = values[rows[column], row]
            if math.isnan(value):
                inputs[row, column] = fill[column]
            else:
                inputs[row, column] = _shaped(value, logged[column], low[column], high[column])
    return inputs
