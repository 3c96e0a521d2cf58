"""A stretch of the input topic as a history: what the detectors read, with what labels say of it by now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_core.avro.types import polars_schema
from fraud_core.errors import InputError
from fraud_core.offsets import narrowed
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics
from fraud_detector.validate import faults
from fraud_producer.replay.history import LATE
from fraud_producer.slices import TRUTH_SCHEMA, Slice
from fraud_trainer.logged import OnRows, Topics

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
"""Slices are an hour long: logins of a slice are learned before its transactions are decided."""


@dataclass(frozen=True)
class Stretch:
    """Which transactions.

    Attributes:
        topic: where they are.
        first: earliest event time, naive UTC; None from the beginning.
        end: the moment after the last event time; None to the end.
    """

    topic: str
    first: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Logged:
    """Transactions of a topic, held in memory in order of event time; iterating yields hours.

    Attributes:
        path: the topic, for messages.
        transactions: what was read.
        labels: all there are, in order of `labelled_at`.
        truth: what they say of each transaction, and `known_at`, since when.
        logins: in order of time; None where no topic of logins is named.
    """

    path: Path
    transactions: pl.DataFrame
    labels: pl.DataFrame
    truth: pl.DataFrame
    logins: pl.DataFrame | None

    @property
    def rows(self) -> int:
        """How many transactions."""
        return self.transactions.height

    @property
    def first(self) -> datetime:
        """Event time of the earliest."""
        found: datetime = self.transactions["timestamp"][0]
        return found

    @property
    def last(self) -> datetime:
        """Event time of the latest."""
        found: datetime = self.transactions["timestamp"][-1]
        return found

    @property
    def late(self) -> datetime:
        """Event time by which 95% of them have happened."""
        found: datetime = self.transactions["timestamp"][int(LATE * (self.rows - 1))]
        return found

    @property
    def left_out(self) -> None:
        """Nothing."""

    @property
    def repeats(self) -> None:
        """None that is known of."""

    def __iter__(self) -> Iterator[Slice]:
        """Yield the hours that have transactions, with the labels and logins up to their end."""
        hours = self.transactions["timestamp"].dt.truncate("1h")
        starts = hours.unique(maintain_order=True)
        rows = [*hours.search_sorted(starts).to_list(), self.rows]
        labels = self._before(self.labels["labelled_at"], starts)
        logins = (
            [0] * (len(starts) + 1) if self.logins is None else self._before(self.logins["timestamp"], starts)
        )
        for number, start in enumerate(starts):
            here = slice(rows[number], rows[number + 1])
            yield Slice(
                start,
                start + HOUR,
                self.transactions[here],
                self.labels[labels[number] : labels[number + 1]],
                self.truth[here],
                None if self.logins is None else self.logins[logins[number] : logins[number + 1]],
            )

    @staticmethod
    def _before(times: pl.Series, starts: pl.Series) -> list[int]:
        """How many of these rising times come before the end of each hour; 0 in front."""
        return [0, *times.search_sorted(starts + HOUR).to_list()]


def logged(settings: CoreSettings, wanted: Stretch, patience_s: float, on_rows: OnRows) -> Logged:
    """Read them, and all labels and logins there are.

    Raises:
        ConfigError: there is no such topic.
        InputError: there are no transactions in this stretch.
        UnavailableError: brokers or registry stayed away for longer than `patience_s`.
    """
    source, names = Topics(settings, patience_s), topics(settings.topics)
    spans = source.committed([wanted.topic])
    if wanted.first is not None:
        spans = narrowed(settings.kafka, spans, (wanted.first - DAY).replace(tzinfo=UTC))
    parts = [_within(batch, wanted) for batch in source.read("Transaction", spans, on_rows)]
    if not any(part.height for part in parts):
        raise InputError(f"There are no transactions on {wanted.topic} in this stretch of time.")
    transactions = pl.concat(parts).sort("timestamp", maintain_order=True)
    labels = _all(source, "Label", names.labels.name, "labelled_at")
    logins = None if names.logins is None else _all(source, "Login", names.logins.name, "timestamp")
    return Logged(Path(wanted.topic), transactions, labels, _truth(transactions, labels), logins)


def _within(batch: pa.RecordBatch, wanted: Stretch) -> pl.DataFrame:
    """What is a possible transaction, in this stretch: a detector makes a dead letter of the rest."""
    found = np.ones(batch.num_rows, dtype=bool)
    found[list(faults(batch, np.zeros(batch.num_rows)))] = False
    frame = pl.DataFrame(batch).filter(found)
    if wanted.first is not None:
        frame = frame.filter(pl.col("timestamp") >= wanted.first)
    return frame if wanted.end is None else frame.filter(pl.col("timestamp") < wanted.end)


def _all(source: Topics, schema: str, topic: str, moment: str) -> pl.DataFrame:
    """All records of a topic in order of time."""
    read = source.read(schema, source.committed([topic]), lambda *_: None)
    parts = [pl.DataFrame(batch) for batch in read]
    frame = pl.concat(parts) if parts else pl.DataFrame(schema=polars_schema(schema))
    return frame.sort(moment, maintain_order=True)


def _truth(transactions: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    latest = labels.unique("transaction_id", keep="last").select(
        "transaction_id", fraud=pl.col("label").cast(pl.String) == "fraud", known_at="labelled_at"
    )
    joined = transactions.select("transaction_id", "amount").join(
        latest, on="transaction_id", how="left", maintain_order="left"
    )
    truth = joined.select(
        "transaction_id", "fraud", pl.lit(None, pl.String).alias("scenario"), "amount", "known_at"
    )
    return truth.cast(pl.Schema([*TRUTH_SCHEMA.items(), ("known_at", pl.Datetime("ms"))]))
