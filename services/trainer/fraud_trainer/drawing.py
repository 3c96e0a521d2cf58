"""Which transactions are learned from: all frauds, and of the many others most of those that resemble them.

Of others that nobody would take for fraud a few say as much as all. So a quick model is fitted first, to few
rows; of what it takes for riskiest all is learned from, and of the rest a share, weighted up to the whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_core.models.derived import derivable, with_derived
from fraud_core.models.inputs import Floats
from fraud_trainer.algorithm import Examples
from fraud_trainer.evaluation import Mask

Ints = NDArray[np.int64]
Risk = Callable[[Floats], Floats]
"""From inputs, shape (rows, inputs), to a number a row that is higher where fraud is likelier."""
FIRST_PER_FRAUD = 10.0
"""So many others a fraud the quick model is fitted to."""
RISKIEST = 0.5
"""Of those drawn."""
ROWS = 65_536
"""So many are looked at together: memory stays bounded."""


@dataclass(frozen=True)
class Past:
    """All there is to learn from.

    Attributes:
        values: shape (features, transactions).
        names: of the features.
        frauds: which are frauds.
        weights: how many transactions each stands for.
    """

    values: Floats
    names: tuple[str, ...]
    frauds: Mask
    weights: Floats

    def inputs(self, columns: Any) -> Floats:  # noqa: ANN401 - whatever selects columns
        """What a classifier reads of some transactions, shape (transactions, inputs)."""
        return with_derived(self.values[:, columns].T, self.names, derivable(self.names))


def drawn(
    past: Past, per_fraud: float, seed: int, quick: Callable[[Examples, int], Risk]
) -> tuple[Ints, Floats]:
    """All frauds and some of the others, in order, and how many transactions each stands for.

    Args:
        past: all there is.
        per_fraud: so many others a fraud are drawn.
        seed: of all that is drawn.
        quick: fits the quick model.
    """
    legitimate = np.flatnonzero(~past.frauds)
    wanted = int(np.ceil(per_fraud * past.frauds.sum()))
    if wanted >= len(legitimate):
        return np.arange(past.frauds.size), past.weights
    draw = np.random.default_rng(seed)
    risk = quick(_few(past, legitimate, draw), seed)
    order = legitimate[np.argsort(-_of_all(past, risk)[legitimate], kind="stable")]
    riskiest, rest = np.split(order, [int(RISKIEST * wanted)])
    some = draw.choice(rest, wanted - len(riskiest), replace=False)
    weights = past.weights.copy()
    weights[some] *= weights[rest].sum() / weights[some].sum()
    kept = np.sort(np.concatenate([np.flatnonzero(past.frauds), riskiest, some]))
    return kept, weights[kept]


def _few(past: Past, legitimate: Ints, draw: np.random.Generator) -> Examples:
    wanted = min(len(legitimate), int(np.ceil(FIRST_PER_FRAUD * past.frauds.sum())))
    some = np.sort(
        np.concatenate([np.flatnonzero(past.frauds), draw.choice(legitimate, wanted, replace=False)])
    )
    names = (*past.names, *derivable(past.names))
    return Examples(past.inputs(some), past.frauds[some], past.weights[some], names)


def _of_all(past: Past, risk: Risk) -> Floats:
    parts = [slice(first, first + ROWS) for first in range(0, past.frauds.size, ROWS)]
    return np.concatenate([risk(past.inputs(part)) for part in parts])
