"""Trains the model that a new installation begins with, on a simulated world that no demo runs on.

The same arguments give the same bundle, digest and all: nothing in it depends on when or where it was made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fraud_core.errors import ConfigError
from fraud_core.features import FEATURES, Computed, State, advance
from fraud_core.models import Bundle, PublishedBundle, Window, publish_bundle
from fraud_core.models.inputs import Floats
from fraud_core.rules import RuleSet, evaluate
from fraud_core.rules.frame import rule_frame
from fraud_core.settings import CoreSettings, load_settings
from fraud_local.baseline_defaults import ALERT_BUDGET, CUSTOMERS, DAYS, SEED
from fraud_producer.simulator import SimulatorSettings, simulate
from fraud_trainer.evaluation import Mask, Names
from fraud_trainer.isolation_forest import Threshold, Validation, train

START = datetime(2025, 1, 1)  # noqa: DTZ001 - event times are naive UTC
WARM_UP_DAYS = 30
"""The longest window of the features; before it is full, everybody looks new."""
VALIDATION_SHARE = 1 / 3
FEWEST_DAYS = WARM_UP_DAYS + 3
DAY = timedelta(days=1)

OnDay = Callable[[int], None]


@dataclass(frozen=True)
class Baseline:
    """What a baseline is trained with.

    Attributes:
        seed: of the simulated world and of the forest.
        days: simulated days; the first 30 only fill the features' windows.
        customers: simulated customers.
        threshold: share of the traffic that the model may alert on, or `tutorial`.
        rules: reported beside the model: how much they alert on the same traffic.
    """

    seed: int = SEED
    days: int = DAYS
    customers: int = CUSTOMERS
    threshold: Threshold = ALERT_BUDGET
    rules: RuleSet | None = None


@dataclass(frozen=True)
class _Past:
    """One simulated day, or several."""

    values: Floats
    frauds: Mask
    rules: Names


def train_baseline(
    output: str | Path, wanted: Baseline = Baseline(), on_day: OnDay = lambda _: None
) -> tuple[PublishedBundle, Bundle]:
    """Simulate, compute features, train, and publish under `output`.

    Args:
        output: a path or a URL that obstore knows.
        wanted: what to train with.
        on_day: called after each simulated day with how many are done.

    Raises:
        ConfigError: the arguments or the address can't be.
        UnavailableError: the bundle can't be written.
    """
    if wanted.days < FEWEST_DAYS:
        raise ConfigError(
            f"{wanted.days} days are too few: {WARM_UP_DAYS} fill the features' windows, and training and "
            f"validation need some more. Give at least {FEWEST_DAYS}."
        )
    past = _simulated(wanted, on_day)
    split = WARM_UP_DAYS + round((wanted.days - WARM_UP_DAYS) * (1 - VALIDATION_SHARE))
    training, validation = _joined(past[WARM_UP_DAYS:split]), _joined(past[split:])
    bundle = train(
        training.values,
        FEATURES,
        validation=Validation(validation.values, validation.rules != "", validation.frauds, validation.rules),
        window=Window(start=_day(WARM_UP_DAYS), end=_day(split)),
        data_until=_day(wanted.days),
        threshold=wanted.threshold,
        seed=wanted.seed,
    )
    return publish_bundle(output, bundle, key=load_settings(CoreSettings).bundles.hmac_key), bundle


def _simulated(wanted: Baseline, on_day: OnDay) -> list[_Past]:
    """Each day, with the features as the detector would have computed them."""
    world = SimulatorSettings(seed=wanted.seed, customers=wanted.customers)
    state, past = State(), []
    for piece in simulate(world, START, START + wanted.days * DAY, step=DAY):
        computed = advance(state, piece.transactions)
        alerts = _alerts(wanted.rules, piece.transactions, computed)
        past.append(_Past(computed.values, piece.truth["fraud"].fill_null(value=False).to_numpy(), alerts))
        on_day(len(past))
    return past


def _alerts(rules: RuleSet | None, transactions: pl.DataFrame, computed: Computed) -> Names:
    if rules is None:
        return np.full(transactions.height, "", dtype=object)
    return evaluate(rules, rule_frame(transactions, computed)).alerting()


def _joined(days: list[_Past]) -> _Past:
    return _Past(
        np.concatenate([day.values for day in days], axis=1),
        np.concatenate([day.frauds for day in days]),
        np.concatenate([day.rules for day in days]),
    )


def _day(number: int) -> datetime:
    return (START + number * DAY).replace(tzinfo=UTC)
