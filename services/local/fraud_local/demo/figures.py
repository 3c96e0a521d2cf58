"""Counts what the matched transactions say: throughput, latency, detection, and the tutorial beside it."""

from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
import polars as pl

Counts = np.ndarray[Any, np.dtype[np.int64]]
BINS = 20
LATENCY_BOUNDS_MS = np.concatenate([[0.0], np.geomspace(0.5, 600_000, 1_000)])
"""Edges a little over a per cent apart: a quantile is that exact, whatever the number of transactions."""


@dataclass(frozen=True)
class Detection:
    """What a detector did with transactions whose truth is known.

    Attributes:
        judged: transactions.
        alerts: of these.
        frauds: frauds among the judged.
        caught: frauds that were alerts.
        money: sum of the frauds' amounts.
        stopped: sum of the caught frauds' amounts.
    """

    judged: int = 0
    alerts: int = 0
    frauds: int = 0
    caught: int = 0
    money: float = 0.0
    stopped: float = 0.0

    @property
    def precision(self) -> float | None:
        """Share of frauds among the alerts; None without alerts."""
        return self.caught / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """Share of alerts among the frauds; None without frauds."""
        return self.caught / self.frauds if self.frauds else None

    @property
    def alert_rate(self) -> float | None:
        """Share of alerts among all; None without any."""
        return self.alerts / self.judged if self.judged else None

    @property
    def money_stopped(self) -> float | None:
        """Share of the fraud money that was caught; None without fraud."""
        return self.stopped / self.money if self.money else None

    def __add__(self, other: "Detection") -> "Detection":
        """Both together."""
        sums = (one + two for one, two in zip(astuple(self), astuple(other), strict=True))
        return Detection(*sums)


def detection(frame: pl.DataFrame, alert: str) -> Detection:
    """Count rows with the columns `fraud` (not null), `amount` and the boolean column named `alert`."""
    fraud, caught = pl.col("fraud"), pl.col("fraud") & pl.col(alert)
    found = frame.select(
        judged=pl.len(),
        alerts=pl.col(alert).sum(),
        frauds=fraud.sum(),
        caught=caught.sum(),
        money=pl.col("amount").filter(fraud).sum(),
        stopped=pl.col("amount").filter(caught).sum(),
    )
    return Detection(**found.row(0, named=True))


@dataclass
class Latency:
    """A histogram of latencies."""

    counts: Counts = field(default_factory=lambda: np.zeros(len(LATENCY_BOUNDS_MS) + 1, dtype=np.int64))

    def add(self, milliseconds: pl.Series) -> None:
        """Count these."""
        places = np.searchsorted(LATENCY_BOUNDS_MS, milliseconds.to_numpy())
        self.counts += np.bincount(places, minlength=len(self.counts))

    def quantile(self, share: float) -> float | None:
        """Upper edge of the bin that holds the quantile, in milliseconds; None of nothing."""
        total = int(self.counts.sum())
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return round(float(LATENCY_BOUNDS_MS[min(place, len(LATENCY_BOUNDS_MS) - 1)]), 1)


@dataclass
class Figures:
    """Everything that the demo shows; grows with scenarios, not with transactions.

    Attributes:
        produced: transactions handed to the brokers.
        outcomes: arrived by outcome: alert, classified, dead_letter.
        live: arrived of the live part.
        detection: of the live part.
        tutorial: the tutorial's rules on the same transactions.
        scenarios: both by fraud scenario.
        latency: from the record's Kafka timestamp to its decision being visible, live part.
        history_latency: the same for the history, which goes flat out.
        legitimate: live scores of what is not known to be fraud, in BINS equal bins.
        fraud: live scores of frauds.
    """

    produced: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: {"alert": 0, "classified": 0, "dead_letter": 0})
    live: int = 0
    detection: Detection = field(default_factory=Detection)
    tutorial: Detection = field(default_factory=Detection)
    scenarios: dict[str, tuple[Detection, Detection]] = field(default_factory=dict)
    latency: Latency = field(default_factory=Latency)
    history_latency: Latency = field(default_factory=Latency)
    legitimate: Counts = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    fraud: Counts = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    @property
    def arrived(self) -> int:
        """Decisions and dead letters of what was produced."""
        return sum(self.outcomes.values())

    def add(self, matched: pl.DataFrame) -> None:
        """Count transactions that are through; columns of `ledger.PRODUCED` and `ledger.ARRIVED`."""
        for outcome, count in matched["outcome"].value_counts().iter_rows():
            self.outcomes[outcome] += count
        live = matched.filter("live")
        self.history_latency.add(matched.filter(~pl.col("live"))["latency_ms"])
        self.latency.add(live["latency_ms"])
        self.live += live.height
        self._judge(live.with_columns(alert=pl.col("outcome") == "alert"))

    def _judge(self, live: pl.DataFrame) -> None:
        fraud = pl.col("fraud").fill_null(value=False)
        self.legitimate += _binned(live.filter(~fraud)["score"])
        self.fraud += _binned(live.filter(fraud)["score"])
        known = live.filter(pl.col("fraud").is_not_null())
        self.detection += detection(known, "alert")
        self.tutorial += detection(known, "tutorial")
        for (scenario,), rows in known.filter("fraud").group_by("scenario"):
            name = str(scenario or "fraud")
            ours, theirs = self.scenarios.get(name, (Detection(), Detection()))
            self.scenarios[name] = (ours + detection(rows, "alert"), theirs + detection(rows, "tutorial"))


def _binned(scores: pl.Series) -> Counts:
    found, _ = np.histogram(scores.drop_nulls().to_numpy(), bins=BINS, range=(0.0, 1.0))
    return found.astype(np.int64)
