"""Transactions with all their labels, each a day later by an analyst, spread evenly over some days."""

import numpy as np
from numpy.typing import NDArray

from fraud_core.models.inputs import Floats
from fraud_core.signals import Signal
from fraud_trainer.rows import Rows
from fraud_trainer.training import DAY_MS


def labelled(values: Floats, frauds: NDArray[np.bool_], days: int, signals: tuple[Signal, ...] = ()) -> Rows:
    count = frauds.size
    times = np.linspace(0, days * DAY_MS, count, endpoint=False).astype(np.int64)
    return Rows(
        values=values,
        times=times,
        labels=frauds.astype(np.int8),
        known_at=times + DAY_MS,
        rules=np.full(count, "", dtype=object),
        users=np.arange(count) % 50,
        weights=np.ones(count),
        scenarios=np.full(count, "", dtype=object),
        reviewed=np.zeros(count, dtype=bool),
        sources=np.full(count, "analyst", dtype=object),
        signals=signals,
    )
