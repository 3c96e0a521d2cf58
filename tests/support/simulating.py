"""Simulated worlds for tests: each is simulated once, and tests only look at it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from fraud_producer.simulator import FraudMix, SimulatorSettings, Slice, simulate

START = datetime(2025, 1, 1)
DAY = timedelta(days=1)
SCENARIOS = tuple(FraudMix.model_fields)


@dataclass(frozen=True)
class Simulated:
    """All of a stream.

    Attributes:
        transactions: as they are on the topic.
        labels: likewise.
        rows: the transactions, with `fraud` and `scenario` beside them.
    """

    transactions: pl.DataFrame
    labels: pl.DataFrame
    rows: pl.DataFrame

    @property
    def honest(self) -> pl.DataFrame:
        return self.rows.filter(~pl.col("fraud"))

    @property
    def frauds(self) -> pl.DataFrame:
        return self.rows.filter("fraud")


def whole(slices: list[Slice]) -> Simulated:
    transactions = pl.concat([piece.transactions for piece in slices])
    truth = pl.concat([piece.truth for piece in slices])
    rows = transactions.with_columns(truth["fraud"], truth["scenario"])
    return Simulated(transactions, pl.concat([piece.labels for piece in slices]), rows)


@cache
def simulated(days: int, **settings: Any) -> Simulated:
    """So many days of the world with these settings, from START on."""
    world = SimulatorSettings(**settings)
    return whole(list(simulate(world, START, START + days * DAY, step=DAY)))


def only(scenario: str) -> FraudMix:
    """Fraud of this kind alone."""
    return FraudMix(**{name: float(name == scenario) for name in SCENARIOS})


def mean(column: pl.Series) -> float:
    """Mean of numbers, or share of what is true; unknowns don't count, and of nothing it is 0."""
    known = column.drop_nulls().cast(pl.Float64).to_numpy()
    return float(np.mean(known)) if len(known) else 0.0


def median(column: pl.Series) -> float:
    """Median of numbers; unknowns don't count."""
    return float(np.median(column.drop_nulls().cast(pl.Float64).to_numpy()))
