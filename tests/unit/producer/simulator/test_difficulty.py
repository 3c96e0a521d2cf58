"""The guard: fraud can be found, and not by one look. Too easy, and every model seems good; too hard, none.

The detector's own features, the true flags, and models trained on the first weeks and judged on the later
ones: as a data scientist would, only with the truth, which nobody has.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import average_precision_score

from fraud_core.features import FEATURES, SideTables, State, advance
from fraud_core.features.side import SAMPLE, Logins, read_networks
from fraud_producer.simulator import SimulatorSettings, simulate
from tests.support.simulating import DAY, START

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("difficulty")]

WARM_UP_DAYS, TRAINING_DAYS, JUDGED_DAYS = 30, 20, 12
"""The longest window of the features; before it is full, everybody looks new."""
HONEST_ROWS = 25_000
"""So many honest transactions are enough to train on, beside all the frauds."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Period:
    """Features, shape (rows, features), and which rows are fraud."""

    values: Floats
    frauds: Flags


@cache
def periods() -> tuple[Period, Period]:
    """The one to train on and the one to judge by, with about 400 frauds in it."""
    world = SimulatorSettings(seed=21, customers=4_500)
    end = WARM_UP_DAYS + TRAINING_DAYS + JUDGED_DAYS
    state, side, logins, values, frauds = State(), SideTables(), Logins(), [], []
    side.logins, side.networks = logins, read_networks(SAMPLE)
    for piece in simulate(world, START, START + end * DAY, step=DAY):
        # Labels and logins of a day are there before it: they count from their own times on all the same.
        side.labels.learn(piece.labels)
        assert piece.logins is not None
        logins.learn(piece.logins)
        values.append(advance(state, piece.transactions, side).values.T)
        frauds.append(piece.truth["fraud"].to_numpy())
    split = WARM_UP_DAYS + TRAINING_DAYS
    training, judged = slice(WARM_UP_DAYS, split), slice(split, end)
    return (
        Period(np.concatenate(values[training]), np.concatenate(frauds[training])),
        Period(np.concatenate(values[judged]), np.concatenate(frauds[judged])),
    )


def average_precision(model: ClassifierMixin) -> float:
    training, judged = periods()
    rng = np.random.default_rng(0)
    kept = training.frauds | (rng.random(len(training.frauds)) < HONEST_ROWS / len(training.frauds))
    model.fit(training.values[kept], training.frauds[kept])
    return float(average_precision_score(judged.frauds, model.predict_proba(judged.values)[:, 1]))


def test_the_best_model_finds_much_of_the_fraud_and_not_all_of_it() -> None:
    boosting = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, l2_regularization=1.0, random_state=0
    )
    forest = RandomForestClassifier(50, min_samples_leaf=3, max_features=6, random_state=0)
    best = max(average_precision(boosting), average_precision(forest))
    assert 0.4 <= best <= 0.85


@pytest.mark.parametrize("feature", FEATURES)
def test_no_single_feature_gives_fraud_away(feature: str) -> None:
    _, judged = periods()
    column = judged.values[:, FEATURES.index(feature)]
    for direction in (column, -column):
        for unknown in (-1e18, 1e18):
            ranked = np.where(np.isnan(direction), unknown, direction)
            assert average_precision_score(judged.frauds, ranked) <= 0.4
