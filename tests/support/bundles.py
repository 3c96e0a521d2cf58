"""A real bundle of two features, trained in milliseconds."""

from datetime import UTC, datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fraud_core.models import Bundle, Window
from fraud_core.schemas import feature_names
from fraud_trainer.isolation_forest import Threshold, Validation, train

WINDOW = Window(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 2, 1, tzinfo=UTC))
FEATURES = ("amount", "seconds_since_last")


def feature_values(rows: int, seed: int) -> NDArray[np.float64]:
    """All features of made-up transactions, shape (features, rows), a tenth of them unknown."""
    random = np.random.default_rng(seed)
    values = random.lognormal(3.0, 1.0, (len(feature_names()), rows))
    values[random.random(values.shape) < 0.1] = np.nan
    values[0] = random.lognormal(3.0, 1.0, rows)
    return values


@cache
def small_bundle(threshold: Threshold = 0.01) -> Bundle:
    """Trained on `feature_values(1_000, seed=1)`, with ten trees."""
    return train(
        feature_values(1_000, seed=1),
        feature_names(),
        validation=Validation(feature_values(1_000, seed=2)),
        window=WINDOW,
        features=FEATURES,
        threshold=threshold,
        hyperparameters={"n_estimators": 10},
    )
