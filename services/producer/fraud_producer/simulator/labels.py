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
_FAST_MEAN, _FAST_SPREAD = 7.5 * HOUR, 0.9
_SLOW_SPREAD = 0.7
_REVIEW_MEDIAN, _REVIEW_SPREAD = 30.0 * HOUR, 0.8


def labels_of(
    settings: SimulatorSettings, rows: Rows, transactions: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """The labels that these transactions will ever get, a label frame in the order of becoming known."""
    fraud, drawn = rows.scenario != NONE, rng.random(len(rows))
    mistakes = mistake_share(settings)
    reported = fraud & (drawn >= settings.unreported_share)
    mistaken = ~fraud & (drawn < mistakes)
    reviewed = ~fraud & (drawn < max(settings.reviewed_share, mistakes))
    delay = np.where(fraud, _until_reported(settings, len(rows), rng), _until_reviewed(len(rows), rng))
    return _frame(transactions, reported | reviewed, reported | mistaken, rows.time + delay)


def mistake_share(settings: SimulatorSettings) -> float:
    """Share of legitimate transactions whose label calls them a fraud.

    Such that these are `wrong_label_share` of all labels: a share of all traffic would drown the true ones.
    """
    right = settings.fraud_share * (1 - settings.unreported_share)
    legitimate = 1 - settings.fraud_share
    reviewed = legitimate * settings.reviewed_share
    # Mistakes are made in reviews; where there are too few of these, they come on top.
    of_reviews = settings.wrong_label_share * (right + reviewed)
    on_top = right * settings.wrong_label_share / (1 - settings.wrong_label_share)
    return (of_reviews if of_reviews <= reviewed else on_top) / legitimate


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
        "merchant_category": source["merchant_category"],
    }
    return pl.DataFrame(columns, schema=schema).sort(ORDER)


def _until_reported(settings: SimulatorSettings, count: int, rng: np.random.Generator) -> Ints:
    fast_mean, slow_mean = _mean_delays(settings)
    fast = happens(rng, settings.fast_label_share, count)
    soon = around(rng, _median(fast_mean, _FAST_SPREAD), _FAST_SPREAD, count)
    late = around(rng, _median(slow_mean, _SLOW_SPREAD), _SLOW_SPREAD, count)
    return _bounded(np.where(fast, soon, late), min(_SOONEST, fast_mean / 10))


def _mean_delays(settings: SimulatorSettings) -> tuple[float, float]:
    """Mean delays of the customers' own reports and of chargebacks; `label_delay` is the mean of both."""
    mean = settings.label_delay / timedelta(milliseconds=1)
    fast = min(_FAST_MEAN, mean / 4)
    return fast, (mean - settings.fast_label_share * fast) / (1 - settings.fast_label_share)


def _median(mean: float, spread: float) -> float:
    """Median of the lognormal numbers that have this mean."""
    return float(mean / np.exp(spread**2 / 2))


def _until_reviewed(count: int, rng: np.random.Generator) -> Ints:
    return _bounded(around(rng, _REVIEW_MEDIAN, _REVIEW_SPREAD, count), _SOONEST)


def _bounded(delay: Floats, soonest: float) -> Ints:
    return np.clip(delay, soonest, _LATEST).astype(np.int64)
