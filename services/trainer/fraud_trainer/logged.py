"""Reads decisions and labels back from Kafka, in columns: what a model is trained on is what detectors met.

A batch is turned into columns and forgotten, so memory holds the window's numbers alone. Where there are more
decisions than `most`, a share of those that nobody called a fraud is kept, drawn by their ids.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_core import tail
from fraud_core.avro import Decoder
from fraud_core.errors import ConfigError, InputError, UnavailableError
from fraud_core.features.side.keys import SEED
from fraud_core.features.strings import hashes, text_of
from fraud_core.kafka import partition_counts
from fraud_core.offsets import Place, Span, committed_spans, narrowed
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics
from fraud_trainer.logged_signals import Flags, alert_rules, flags, joined_flags, latest_signals
from fraud_trainer.rows import UNKNOWN, Ints, Rows, joined

DAY = timedelta(days=1)
RETRY_S = 1.0
LAST = 500
MOST_WEIGHT = 100.0
"""A row that was drawn for review stands for so many at most, so that one label does not rule a model."""
OnRows = Callable[[int, int], None]


@dataclass(frozen=True)
class Labels:
    """The latest label of each transaction, sorted by the transaction's hash."""

    ids: Ints
    frauds: np.ndarray
    known_at: Ints
    sources: np.ndarray


class Topics:
    """The topics of one pipeline, read through outages of up to `patience_s`."""

    def __init__(self, settings: CoreSettings, patience_s: float = 600.0) -> None:
        """Reads nothing yet."""
        self._settings, self._patience_s = settings, patience_s
        self._names = topics(settings.topics)

    def newest(self) -> datetime:
        """Event time of the newest decision, as the last ones say, naive UTC.

        Raises:
            InputError: there are no decisions.
            UnavailableError: the brokers or the registry can't be reached.
        """
        decoder = self._decoder("Decision")
        with closing(tail.consumer(self._settings.kafka)) as source:
            last = tail.last(source, self._spans(None), LAST)
        found = pl.DataFrame(decoder.decode([message.value() for message in last]).batch)["timestamp"].max()
        if not isinstance(found, datetime):
            raise InputError(
                f"There are no decisions on {self._names.alerts.name} and {self._names.classified.name} yet: "
                "let a detector run, or train from a file with --input."
            )
        return found

    def shortened(self) -> bool:
        """Whether retention has deleted decisions already.

        Raises:
            UnavailableError: the brokers can't be reached.
        """
        return any(span.begin for span in self._spans(None).values())

    def labels(self, until: datetime) -> Labels:
        """What is known of transactions at this moment.

        Raises:
            UnavailableError: the brokers or the registry can't be reached.
        """
        spans = self.committed([self._names.labels.name])
        read = self.read("Label", spans, lambda *_: None)
        parts = [_label_columns(pl.DataFrame(batch)) for batch in read]
        latest = pl.concat([pl.DataFrame(schema=_LABELS), *parts]).filter(pl.col("known_at") <= _ms(until))
        latest = latest.sort("known_at", maintain_order=True).unique("id", keep="last").sort("id")
        return Labels(*(latest[name].to_numpy() for name in ("id", "fraud", "known_at", "source")))

    def rows(
        self, start: datetime, until: datetime, labels: Labels, most: int, on_rows: OnRows = lambda *_: None
    ) -> Rows:
        """The decisions of a span of event time, in order of time.

        Args:
            start: first moment.
            until: last moment.
            labels: what is known of them.
            most: greatest number of rows that is aimed at.
            on_rows: called now and then with how many records of how many are read.

        Raises:
            InputError: there are none.
            UnavailableError: the brokers or the registry can't be reached.
        """
        spans = self._spans(start - DAY)
        share = min(1.0, most / max(1, sum(span.length for span in spans.values())))
        parts = []
        for batch in self.read("Decision", spans, on_rows):
            part = _rows(batch, _ms(start), _ms(until), labels, share)
            if len(part.rows):
                parts.append(part)
        if not parts:
            raise InputError(f"There are no decisions from {start:%Y-%m-%d} to {until:%Y-%m-%d}.")
        return _in_order(parts)

    def _spans(self, since: datetime | None) -> dict[Place, Span]:
        spans = self.committed([self._names.alerts.name, self._names.classified.name])
        return spans if since is None else narrowed(self._settings.kafka, spans, since)

    def committed(self, names: list[str]) -> dict[Place, Span]:
        """All that is committed now on these topics.

        Raises:
            ConfigError: one of them is not there.
            UnavailableError: the brokers can't be reached.
        """
        existing = partition_counts(self._settings.kafka)
        if missing := [name for name in names if name not in existing]:
            raise ConfigError(
                f"There is no topic {', '.join(missing)} at {self._settings.kafka.bootstrap_servers}; "
                "name one that is."
            )
        return committed_spans(self._settings.kafka, {name: existing[name] for name in names})

    def _decoder(self, schema: str) -> Decoder:
        return Decoder(schema, Registry(self._settings.schema_registry))

    def read(self, schema: str, spans: dict[Place, Span], on_rows: OnRows) -> Iterator[pa.RecordBatch]:
        """All records of the spans; goes on where it was when brokers come back.

        Raises:
            UnavailableError: they stayed away for too long, or the registry did.
        """
        left, total = dict(spans), sum(span.length for span in spans.values())
        decoder, deadline = self._decoder(schema), time.monotonic() + self._patience_s
        while any(span.length for span in left.values()):
            try:
                with closing(tail.consumer(self._settings.kafka)) as source:
                    for messages in tail.forward(source, left):
                        values = [message.value() for message in messages if message.value() is not None]
                        batch = decoder.decode(values).batch
                        for message in messages:
                            place = tail.place_of(message)
                            left[place] = replace(left[place], begin=(message.offset() or 0) + 1)
                        deadline = time.monotonic() + self._patience_s
                        yield batch
                        on_rows(total - sum(span.length for span in left.values()), total)
                break
            except UnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S)
        on_rows(total, total)


_LABELS = pl.Schema({"id": pl.Int64(), "fraud": pl.Boolean(), "known_at": pl.Int64(), "source": pl.String()})


@dataclass(frozen=True)
class _Part:
    """Rows of one batch, the hashes of their transactions, when they were decided, and what rules said."""

    rows: Rows
    ids: Ints
    decided: Ints
    signals: dict[str, Flags]


def _label_columns(batch: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": hashes(text_of(batch["transaction_id"]), SEED),
            "fraud": batch["label"] == "fraud",
            "known_at": _milliseconds(batch["labelled_at"]),
            "source": batch["source"].cast(pl.String),
        },
        schema=_LABELS,
    )


def _rows(batch: pa.RecordBatch, start: int, until: int, labels: Labels, share: float) -> _Part:
    frame = pl.DataFrame(batch.select(_READ))
    ids, times = hashes(text_of(frame["transaction_id"]), SEED), _milliseconds(frame["timestamp"])
    at = np.minimum(np.searchsorted(labels.ids, ids), max(labels.ids.size - 1, 0))
    known = labels.ids[at] == ids if labels.ids.size else np.zeros(ids.size, dtype=bool)
    found = np.full(ids.size, UNKNOWN, dtype=np.int8)
    found[known] = labels.frauds[at[known]].astype(np.int8)
    drawn = (ids & _LOW).astype(np.float64) < share * (_LOW + 1)
    kept = (times >= start) & (times <= until) & (drawn | (found == 1))
    reviewed = (frame["review_sample"].fill_null(value=False) | frame["fraudulent"]).to_numpy()
    weights = frame.select(
        pl.when(pl.col("review_sample") & ~pl.col("fraudulent"))
        .then(1.0 / pl.col("selection_probability"))
        .fill_null(1.0)
        .clip(upper_bound=MOST_WEIGHT)
    ).to_series()
    named = flags(batch.column("signals"))
    known_at, sources = np.zeros(ids.size, dtype=np.int64), np.full(ids.size, "", dtype=object)
    known_at[known], sources[known] = labels.known_at[at[known]], labels.sources[at[known]]
    standing = np.where(found == 1, 1.0, 1.0 / share)
    rows = Rows(
        values=_features(batch)[:, kept],
        times=times[kept],
        labels=found[kept],
        known_at=known_at[kept],
        rules=alert_rules(frame, named)[kept],
        users=hashes(text_of(frame["user"]), SEED)[kept],
        weights=(weights.to_numpy() * standing)[kept],
        scenarios=np.full(int(kept.sum()), "", dtype=object),
        reviewed=reviewed[kept],
        sources=sources[kept],
    )
    decided = _milliseconds(frame["decided_at"].fill_null(_EPOCH))
    said = {key: fired[kept] for key, fired in named.items()}
    return _Part(rows, ids[kept], decided[kept], said)


_READ = [
    "transaction_id", "timestamp", "user", "fraudulent", "rules", "review_sample", "selection_probability",
    "decided_at",
]  # fmt: skip
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Avro's are naive UTC
_LOW = (1 << 32) - 1


def _features(batch: pa.RecordBatch) -> np.ndarray:
    """Shape (features, rows); null is NaN."""
    return np.stack([column.to_numpy(zero_copy_only=False) for column in batch.column("features").flatten()])


def _in_order(parts: list[_Part]) -> Rows:
    """By time, and of one moment by the transaction's hash: how partitions were read must not matter."""
    ids, decided = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "decided"))
    found = joined_flags([(len(part.rows), part.signals) for part in parts])
    signals, fired = latest_signals(found, int(np.lexsort((ids, decided))[-1]))
    width = len(parts[0].rows.values)
    values = np.empty((width + len(signals), len(ids)), order="F")  # as parts are
    np.concatenate([part.rows.values for part in parts], axis=1, out=values[:width])
    if signals:
        values[width:] = fired
    rows = joined([part.rows for part in parts], values, signals)
    return rows.take(np.lexsort((ids, rows.times)))


def _milliseconds(column: pl.Series) -> Ints:
    found: Ints = column.cast(pl.Datetime("ms")).to_physical().to_numpy()
    return found


def _ms(moment: datetime) -> int:
    return int(np.datetime64(moment, "ms").astype(np.int64))
