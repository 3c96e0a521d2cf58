"""A logistic regression in which what is known of frauds speaks one way.

Rates of fraud over one, seven and thirty days say nearly the same. A regression takes the difference between
them, and calls a merchant harmless for the frauds of one of its months because those of its week say enough.
Among the obvious that costs nothing; the order of the rest, where hardly anything else is known, becomes
chance. So each such weight has the sign that its feature's meaning gives it, or is 0. Whether a feature is
known at all may say anything.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fraud_core.features import FEATURES
from fraud_core.models.inputs import Floats
from fraud_trainer.inputs import READINGS

LABEL_DERIVED = frozenset(
    name
    for name in FEATURES
    if "fraud" in name or "smoothed_rate" in name or name.startswith("merchant_transactions_since")
)
"""Features that labels go into."""


def bounds(names: tuple[str, ...], width: int) -> tuple[Floats, Floats]:
    """The least and the greatest weight of each input, infinite where labels don't go into it.

    Args:
        names: of the first inputs; those after them say what is unknown.
        width: how many inputs there are.
    """
    least, most = np.full(width, -np.inf), np.full(width, np.inf)
    for place, name in enumerate(names):
        if name in LABEL_DERIVED:
            high = READINGS[name].risky == "high"
            least[place], most[place] = (0.0, np.inf) if high else (-np.inf, 0.0)
    return least, most


def weights(
    inputs: Floats,
    frauds: NDArray[np.bool_],
    counts: Floats,
    limits: tuple[Floats, Floats],
    strength: float,
    steps: int,
) -> tuple[Floats, float]:
    """Weights within their limits that explain the frauds best, and the constant.

    Args:
        inputs: scaled, shape (rows, inputs).
        frauds: which rows are frauds.
        counts: how many transactions each row stands for.
        limits: least and greatest weight of each input.
        strength: inverse strength of the regularization, `C` of `sklearn.linear_model.LogisticRegression`.
        steps: most iterations.
    """
    truth = frauds.astype(np.float64)

    def loss(guess: Floats) -> tuple[float, Floats]:
        odds = inputs @ guess[:-1] + guess[-1]
        pull = counts * (1.0 / (1.0 + np.exp(-odds)) - truth)
        missed = counts @ (np.logaddexp(0.0, odds) - truth * odds)
        slope = np.append(inputs.T @ pull, pull.sum())
        held = np.append(guess[:-1], 0.0)
        return strength * missed + held @ held / 2.0, strength * slope + held

    free = [(None, None)]
    allowed = [*zip(*(limit.tolist() for limit in limits), strict=True), *free]
    begin = np.zeros(inputs.shape[1] + 1)
    with np.errstate(over="ignore"):
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=allowed, options={"maxiter": steps})
    return np.ascontiguousarray(found.x[:-1]), float(found.x[-1])
