"""Who logged in before paying online: customers, who mistype now and then, and thieves, who guess."""

import numpy as np
import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.rows import NONE, SECOND, Ints, Rows
from fraud_producer.simulator.scene import Scenario

_MISTYPED_SHARE = 0.08
_GUESSED_SHARE = 0.6
"""Of the accounts that are taken over; into the others the thief comes with a password from elsewhere."""
_MOST_GUESSES = 20
_BETWEEN_TRIES_S = (2, 20)


def logins_of(rows: Rows, transactions: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The attempts to log in that go with these transactions, in the order of time."""
    sessions = np.stack([rows.user, rows.session])
    _, first = np.unique(sessions, axis=1, return_index=True)
    opened = np.sort(first[rows.session[first] != NONE])
    failures = _failures(rows, opened, rng)
    tries = np.repeat(opened, failures + 1)
    left = _countdown(failures)
    pause = rng.integers(*_BETWEEN_TRIES_S, len(tries)) * SECOND
    connections = transactions.select("user", "ip", "device_id")[tries]
    times = pl.Series("timestamp", rows.session[tries] - left * pause).cast(pl.Datetime("ms"))
    frame = connections.with_columns(times, pl.Series("success", left == 0))
    return frame.select(pl.col(name).cast(kind) for name, kind in polars_schema("Login").items()).sort(
        "timestamp", maintain_order=True
    )


def _failures(rows: Rows, opened: Ints, rng: np.random.Generator) -> Ints:
    """How many attempts of each session fail before one succeeds."""
    guesses = rng.integers(3, _MOST_GUESSES, len(opened))
    taken_over = rows.scenario[opened] == Scenario.ACCOUNT_TAKEOVER
    guessed = taken_over & happens(rng, _GUESSED_SHARE, len(opened))
    mistyped = happens(rng, _MISTYPED_SHARE, len(opened))
    found: Ints = np.where(guessed, guesses, mistyped).astype(np.int64)
    return found


def _countdown(failures: Ints) -> Ints:
    """For each attempt of each session how many of the session follow it."""
    ends = np.cumsum(failures + 1)
    found: Ints = np.repeat(ends, failures + 1) - np.arange(ends[-1] if len(ends) else 0) - 1
    return found
