"""Labels of a replayed history: each becomes known some time after its transaction."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_producer.replay.convert import LABEL

NO_LABELS = pl.DataFrame(schema=polars_schema("Label"))


def labels_of(rows: pl.DataFrame, delay: timedelta, source: str, *, frauds_only: bool) -> pl.DataFrame:
    """The labels of converted rows, `labelled_at` being `delay` after the transaction.

    `source` names the file, for people. Rows that say nothing of fraud give no label.
    """
    labelled = rows.filter(pl.col(LABEL) if frauds_only else pl.col(LABEL).is_not_null())
    return labelled.select(
        "transaction_id",
        pl.col("timestamp").alias("transaction_timestamp"),
        "user",
        "merchant",
        pl.when(LABEL).then(pl.lit("fraud")).otherwise(pl.lit("legitimate")).alias("label"),
        pl.lit("unknown").alias("source"),
        pl.lit(source).alias("labelled_by"),
        pl.lit(None, dtype=pl.String).alias("note"),
        (pl.col("timestamp") + delay).alias("labelled_at"),
        "merchant_category",
    )


def known_by(pending: pl.DataFrame, moment: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split labels, which are in order of `labelled_at`, into those known by the moment and the rest."""
    known = pending["labelled_at"].search_sorted(moment, side="right")
    return pending[:known], pending[known:]


def in_parts(pending: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    """The labels in frames of at most so many rows."""
    yield from pending.iter_slices(rows) if pending.height else ()
