"""How long a model takes to score, as a detector would have it do."""

import time

import numpy as np

from fraud_core.models import LoadedModel
from fraud_core.models.inputs import Floats

BATCH, BATCHES = 500, 20


def scoring_us(model: LoadedModel, values: Floats) -> float:
    """Microseconds to score a transaction in batches of 500, the median of some batches.

    Args:
        model: what scores.
        values: shape (inputs, transactions), at least one.
    """
    batches = [values[:, at : at + BATCH] for at in range(0, values.shape[1], BATCH)][:BATCHES]
    taken = []
    for batch in batches:
        begun = time.perf_counter()
        model.score(batch)
        taken.append((time.perf_counter() - begun) / batch.shape[1])
    return round(1e6 * float(np.median(taken)), 2)
