"""Transactions to work through: users of unequal diligence over thirty days, and a model of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_core.features import FEATURES, State, advance
from fraud_core.models import Bundle, Window
from fraud_trainer.isolation_forest import Validation, train

START = datetime(2025, 11, 1)  # noqa: DTZ001 - event times are naive UTC
DAYS = 30
DAY_MS = 86_400_000
CHUNK = 20_000
TREES = 100
LEAST, MOST = 20_000, 300_000
"""Of transactions that the model is trained on."""
Ints = np.ndarray[Any, np.dtype[np.int64]]
SKEW = 0.3
"""Exponent of the power law: a tenth of the users make half of the transactions."""
COUNTRIES = np.array(["US", "IN", "FR", "BR", "JP"])
TRAVELS, FLAGGED = 0.01, 0.002


@dataclass(frozen=True)
class Workload:
    """How much, of how many users; the same numbers give the same transactions.

    Attributes:
        everyone: whether every user comes once before any comes again, as far as the records go.
    """

    records: int
    users: int
    seed: int = 1
    everyone: bool = False

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Frames of `schemas/Transaction.avsc` in order of time."""
        people = _People(self.users)
        for first in range(0, self.records, CHUNK):
            yield _transactions(self, people, first, min(CHUNK, self.records - first))


class _People:
    """What stays with a user: home, place, devices."""

    def __init__(self, users: int) -> None:
        draw = np.random.default_rng(users)
        self.home = draw.integers(0, len(COUNTRIES), users)
        self.latitude = draw.uniform(-60, 60, users)
        self.longitude = draw.uniform(-179, 179, users)
        self.order = draw.permutation(users)


def _transactions(workload: Workload, people: _People, first: int, rows: int) -> pl.DataFrame:
    draw = np.random.default_rng((workload.seed, first))
    user = (workload.users * draw.power(SKEW, rows)).astype(np.int64)
    numbers = np.arange(first, first + rows)
    if workload.everyone and first < workload.users:
        newcomers = people.order[first : first + rows]
        user[: len(newcomers)] = newcomers
    away = np.where(draw.random(rows) < TRAVELS, draw.integers(0, len(COUNTRIES), rows), 0)
    merchant = draw.zipf(1.2, rows) % 5_000
    columns = {
        "transaction_id": pl.Series(numbers).cast(pl.String).str.zfill(36),
        "user": pl.select(pl.format("user-{}", pl.Series(user))).to_series(),
        "amount": draw.lognormal(3.5, 1.0, rows).round(2),
        "timestamp": _times(workload, numbers),
        "location": COUNTRIES[(people.home[user] + away) % len(COUNTRIES)],
        "device": np.array(["mobile", "desktop", "tablet"])[draw.integers(0, 3, rows)],
        "merchant": np.where(draw.random(rows) < FLAGGED, "XYZ_Merchant", _named("merchant", merchant)),
        "txn_type": np.array(["purchase", "transfer", "withdrawal"])[draw.integers(0, 3, rows)],
        "device_id": _named("device", user * 3 + draw.integers(0, 2, rows)),
        "ip": _named("10.1.2", user % 250, "."),
        "latitude": people.latitude[user] + draw.normal(0, 0.05, rows),
        "longitude": people.longitude[user],
    }
    wanted = polars_schema("Transaction")
    missing = {name: pl.Series([None] * rows) for name in wanted if name not in columns}
    return pl.DataFrame(columns | missing).select(wanted.names()).cast(pl.Schema(wanted))


def _times(workload: Workload, numbers: Ints) -> pl.Series:
    spread = numbers * (DAYS * DAY_MS) // max(workload.records, 1)
    return pl.Series(np.datetime64(START, "ms") + spread.astype("timedelta64[ms]"))


def _named(kind: str, numbers: Ints, between: str = "-") -> np.ndarray[Any, Any]:
    return np.char.add(f"{kind}{between}", numbers.astype(str))


def forest(workload: Workload) -> Bundle:
    """An Isolation Forest of a hundred trees, grown on the same kind of traffic of other days.

    As many transactions of as many users, or as many for each user: how often the most diligent come decides
    what looks odd. With fewer the model alerts on several times its budget, and each alert is explained.
    """
    records = min(max(workload.records, LEAST), MOST)
    users = max(workload.users * records // max(workload.records, 1), 10)
    sample = Workload(records, users, workload.seed + 1)
    state = State()
    values = np.concatenate([advance(state, chunk).values for chunk in sample.chunks()], axis=1)
    middle = values.shape[1] // 2
    start = START.replace(tzinfo=UTC)
    return train(
        values[:, :middle],
        FEATURES,
        validation=Validation(values[:, middle:]),
        window=Window(start=start, end=start + timedelta(days=DAYS // 2)),
        data_until=start + timedelta(days=DAYS),
        hyperparameters={"n_estimators": TREES},
    )
