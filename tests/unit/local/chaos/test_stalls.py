"""The longest stall is told with the time at which logs have to be looked at."""

from datetime import datetime, timedelta

import polars as pl

from fraud_local.chaos.result import Stalls, stalls

BEGIN = datetime(2026, 1, 5, 9)


def decided(*seconds: float) -> pl.DataFrame:
    """Decisions so many seconds after the beginning, of transactions that were produced at it."""
    began = int((BEGIN - datetime(1970, 1, 1)).total_seconds() * 1_000)
    return pl.DataFrame(
        {
            "decided_at": pl.Series([BEGIN + timedelta(seconds=each) for each in seconds]).cast(
                pl.Datetime("ms")
            ),
            "produced_at": [began] * len(seconds),
        }
    )


def test_it_begins_with_the_last_decision_before_it() -> None:
    assert stalls(decided(9.5, 1, 0, 2)) == Stalls(7.5, "2026-01-05T09:00:02.000Z", 9.5)


def test_without_decisions_there_is_none() -> None:
    assert stalls(decided().clear()) == Stalls()
