"""What reviewed decisions say about each version: decisions joined with labels that are mature."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from fraud_core import tail
from fraud_core.avro import Decoder
from fraud_core.kafka import partition_counts
from fraud_core.offsets import Place, Span, committed_spans, narrowed
from fraud_core.registry import Registry
from fraud_core.rollouts.bounds import weighted
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics
from fraud_trainer.ends import ended

DECISIONS = pl.Schema(
    {
        "transaction_id": pl.String(),
        "timestamp": pl.Datetime("ms"),
        "version": pl.String(),
        "score": pl.Float64(),
        "weight": pl.Float64(),
    }
)
LABELS = pl.Schema({"transaction_id": pl.String(), "fraud": pl.Boolean(), "labelled_at": pl.Datetime("ms")})
DAY = timedelta(days=1)
"""So far a record may be from its transaction in time: more ahead of it is a dead letter."""
LAST = 100
"""Records, of all partitions, that say when the newest decisions happened and arrived."""
ENTRIES = pl.List(pl.Struct({"key": pl.String(), "value": pl.Float64()}))


@dataclass(frozen=True)
class Precision:
    """Of one version's alerts.

    Attributes:
        alerts: transactions old enough that somebody reviews and on which the version alerts.
        labelled: those of them with a label.
        frauds: those that are fraud.
        value: share of fraud, each weighed by one over the probability with which it was drawn for review.
        low, high: its Wilson interval of 95 %; all None without a label.
    """

    alerts: int
    labelled: int
    frauds: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Newest:
    """The newest decisions.

    Attributes:
        happened: time of the newest transaction; naive, in UTC.
        arrived: greatest Kafka timestamp, which is that of a transaction, too; naive, in UTC.
    """

    happened: datetime
    arrived: datetime


def precision(
    decisions: pl.DataFrame,
    labels: pl.DataFrame,
    thresholds: Mapping[str, float],
    maturity: timedelta,
    newest: datetime | None = None,
) -> dict[str, Precision]:
    """For each version how many of its alerts were fraud.

    What nobody reviews is left out: a row is an alert of the pipeline, of weight 1, or was drawn for review,
    of one over its probability. Labels younger than the maturity don't matter: what can be known of such
    transactions by now is mostly what was found first.

    Args:
        decisions: columns `DECISIONS`, one row a transaction and version that scored it.
        labels: columns `LABELS`; the latest of a transaction counts.
        thresholds: version -> it alerts from this score on.
        maturity: age, by the newest decision, from which a transaction counts.
        newest: of a decision that is not among them, if it is newer; naive, in UTC.
    """
    known = [at for at in (newest, decisions["timestamp"].max()) if isinstance(at, datetime)]
    if not known:
        return {version: Precision(0, 0, 0) for version in thresholds}
    latest = labels.sort("labelled_at").group_by("transaction_id").last()
    joined = (
        decisions.filter(pl.col("timestamp") <= max(known) - maturity)
        .unique(["transaction_id", "version"])
        .join(latest, on="transaction_id", how="left")
    )
    return {
        version: _precision(joined.filter(pl.col("version") == version, pl.col("score") >= threshold))
        for version, threshold in thresholds.items()
    }


def _precision(alerts: pl.DataFrame) -> Precision:
    known = alerts.filter(pl.col("fraud").is_not_null())
    frauds = int(known["fraud"].sum())
    if not known.height:
        return Precision(alerts.height, 0, 0)
    share, low, high = weighted(known["fraud"].to_numpy(), known["weight"].to_numpy())
    return Precision(alerts.height, known.height, frauds, share, low, high)


def counting(
    since: datetime, decided_from: datetime, newest: Newest | None, maturity: timedelta
) -> tuple[datetime, datetime | None]:
    """Kafka timestamps between which decisions lie that can count; None where it is not known up to which.

    A step is short, and what is young can't count, so most that is retained need not be read. What was
    decided more than a day after it had arrived, as of a backlog, is no evidence then. Where the newest
    transactions arrive more than a day after they happened, as in a replay, Kafka timestamps say nothing of
    their age.
    """
    begin = max(since, decided_from.replace(tzinfo=UTC) - DAY)
    if newest is None or newest.arrived - newest.happened > DAY:
        return begin, None
    return begin, newest.happened.replace(tzinfo=UTC) - maturity + DAY


def newest_decisions(settings: CoreSettings) -> Newest | None:
    """When the newest decisions happened and arrived; None where there are none.

    Raises:
        UnavailableError: the brokers or the registry can't be reached.
    """
    decoder = Decoder("Decision", Registry(settings.schema_registry))
    with closing(tail.consumer(settings.kafka)) as source:
        messages = tail.last(source, _spans(settings, _decisions(settings)), LAST)
    values = [message.value() for message in messages if message.value() is not None]
    happened = pl.DataFrame(decoder.decode(values).batch)["timestamp"].max() if values else None
    if not isinstance(happened, datetime):
        return None
    arrived = max(message.timestamp()[1] for message in messages)
    return Newest(happened, datetime.fromtimestamp(arrived / 1_000, UTC).replace(tzinfo=None))


def read_decisions(
    settings: CoreSettings,
    since: datetime,
    until: datetime | None = None,
    decided_from: datetime | None = None,
) -> pl.DataFrame:
    """Scores of what is reviewed, from decisions by Kafka timestamp; columns `DECISIONS`.

    Decisions keep the Kafka timestamp of their transaction, so when they were made is asked of themselves.

    Args:
        settings: where they are.
        since: first Kafka timestamp.
        until: the first one that need not be read any more; by default all are.
        decided_from: what was decided before is left out; naive, in UTC.

    Raises:
        UnavailableError: the brokers or the registry can't be reached.
    """
    spans = narrowed(settings.kafka, _spans(settings, _decisions(settings)), since)
    if until is not None:
        spans = ended(settings.kafka, spans, until)
    found = [scores(batch, decided_from) for batch in _read(settings, "Decision", spans)]
    return pl.concat([pl.DataFrame(schema=DECISIONS), *found])


def _decisions(settings: CoreSettings) -> list[str]:
    names = topics(settings.topics)
    return [names.alerts.name, names.classified.name]


def read_labels(settings: CoreSettings) -> pl.DataFrame:
    """Every label that there is; columns `LABELS`.

    Raises:
        UnavailableError: the brokers or the registry can't be reached.
    """
    names = topics(settings.topics)
    found = [
        batch.select("transaction_id", (pl.col("label") == "fraud").alias("fraud"), "labelled_at").cast(
            LABELS
        )
        for batch in _read(settings, "Label", _spans(settings, [names.labels.name]))
    ]
    return pl.concat([pl.DataFrame(schema=LABELS), *found])


def _spans(settings: CoreSettings, names: list[str]) -> dict[Place, Span]:
    existing = partition_counts(settings.kafka)
    return committed_spans(settings.kafka, {name: existing[name] for name in names})


def _read(settings: CoreSettings, schema: str, spans: Mapping[Place, Span]) -> Iterable[pl.DataFrame]:
    decoder = Decoder(schema, Registry(settings.schema_registry))
    with closing(tail.consumer(settings.kafka)) as source:
        for messages in tail.forward(source, spans):
            values = [message.value() for message in messages if message.value() is not None]
            yield pl.DataFrame(decoder.decode(values).batch)


def scores(batch: pl.DataFrame, decided_from: datetime | None = None) -> pl.DataFrame:
    """What each version scored of what is reviewed; columns `DECISIONS`.

    Args:
        batch: decisions, columns of `schemas/Decision.avsc`.
        decided_from: what was decided before is left out; naive, in UTC.
    """
    if decided_from is not None:
        batch = batch.filter(pl.col("decided_at") >= decided_from)
    reviewed = batch.filter(pl.col("fraudulent") | pl.col("review_sample")).with_columns(
        weight=pl.when("fraudulent").then(1.0).otherwise(1.0 / pl.col("selection_probability"))
    )
    decided = reviewed.select(
        "transaction_id", "timestamp", pl.col("model_version").alias("version"), "score", "weight"
    )
    entry = pl.col("challenger_scores").struct
    others = (
        reviewed.with_columns(pl.col("challenger_scores").cast(ENTRIES))
        .explode("challenger_scores")
        .select(
            "transaction_id",
            "timestamp",
            entry.field("key").alias("version"),
            entry.field("value").alias("score"),
            "weight",
        )
    )
    found = [one.filter(pl.col("version").is_not_null()).cast(DECISIONS) for one in (decided, others)]
    return pl.concat(found)
