"""What becomes known, when, and what is believed: labels come late, some never, and some are wrong."""

from datetime import timedelta

import numpy as np
import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_producer.simulator.chance import around, happens
from fraud_producer.simulator.rows import DAY, HOUR, MINUTE, NONE, Bools, Floats, Ints, Rows
from fraud_producer.simulator.settings import SimulatorSettings

ORDER = ("labelled_at", "transaction_timestamp", "transaction_id")
_SOONEST = 10 * MINUTE
_LATEST = 120 * DAY
_FAST_MEDIAN, _FAST_SPREAD = 5.0 * HOUR, 0.9
_SLOW_SPREAD = 0.7
_REVIEW_MEDIAN, _REVIEW_SPREAD = 30.0 * HOUR, 0.8


def labels_of(
    settings: SimulatorSettings, rows: Rows, transactions: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """The labels that these transactions will ever get, a label frame in the order of becoming known."""
    fraud = rows.scenario != NONE
    reported = fraud & ~happens(rng, settings.unreported_share, len(rows))
    reviewed = ~fraud & happens(rng, settings.reviewed_share, len(rows))
    mistaken = reviewed & happens(rng, mistake_share(settings), len(rows))
    delay = np.where(fraud, _until_reported(settings, len(rows), rng), _until_reviewed(len(rows), rng))
    return _frame(transactions, reported | reviewed, reported | mistaken, rows.time + delay)


def mistake_share(settings: SimulatorSettings) -> float:
    """Share of reviewed legitimate transactions that are called a fraud.

    Such that these are `wrong_label_share` of all labels: a share of all traffic would drown the true ones.
    """
    reviewed = (1 - settings.fraud_share) * settings.reviewed_share
    reported = settings.fraud_share * (1 - settings.unreported_share)
    return min(1.0, settings.wrong_label_share * (reported + reviewed) / reviewed) if reviewed else 0.0


def _frame(transactions: pl.DataFrame, labelled: Bools, called_fraud: Bools, known_at: Ints) -> pl.DataFrame:
    schema = polars_schema("Label")
    source = transactions.filter(pl.Series(labelled))
    verdict = pl.Series(called_fraud[labelled]).replace_strict(
        {True: "fraud", False: "legitimate"}, return_dtype=pl.String
    )
    columns = {
        "transaction_id": source["transaction_id"],
        "transaction_timestamp": source["timestamp"],
        "user": source["user"],
        "merchant": source["merchant"],
        "label": verdict,
        "source": pl.repeat("simulator", source.height, eager=True),
        "labelled_by": pl.repeat(None, source.height, dtype=pl.String, eager=True),
        "note": pl.repeat(None, source.height, dtype=pl.String, eager=True),
        "labelled_at": pl.Series(known_at[labelled], dtype=pl.Int64).cast(pl.Datetime("ms")),
    }
    return pl.DataFrame(columns, schema=schema).sort(ORDER)


def _until_reported(settings: SimulatorSettings, count: int, rng: np.random.Generator) -> Ints:
    fast = happens(rng, settings.fast_label_share, count)
    soon = around(rng, _FAST_MEDIAN, _FAST_SPREAD, count)
    late = around(rng, _slow_median(settings), _SLOW_SPREAD, count)
    return _bounded(np.where(fast, soon, late))


def _slow_median(settings: SimulatorSettings) -> float:
    """Median of the chargebacks' delay that makes `label_delay` the mean of all."""
    fast_mean = _FAST_MEDIAN * np.exp(_FAST_SPREAD**2 / 2)
    slow_share = max(0.01, 1 - settings.fast_label_share)
    wanted = settings.label_delay / timedelta(milliseconds=1)
    slow_mean = max(float(_SOONEST), (wanted - settings.fast_label_share * fast_mean) / slow_share)
    return float(slow_mean / np.exp(_SLOW_SPREAD**2 / 2))


def _until_reviewed(count: int, rng: np.random.Generator) -> Ints:
    return _bounded(around(rng, _REVIEW_MEDIAN, _REVIEW_SPREAD, count))


def _bounded(delay: Floats) -> Ints:
    return np.clip(delay, _SOONEST, _LATEST).astype(np.int64)
