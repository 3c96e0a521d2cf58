"""Online sessions begin with a login; before an account is taken over somebody guesses its password."""

import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_producer.simulator import SimulatorSettings, simulate
from tests.support.simulating import DAY, START

PIECES = list(simulate(SimulatorSettings(seed=3, customers=1_500), START, START + 20 * DAY, step=DAY))
LOGINS = pl.concat([piece.logins for piece in PIECES if piece.logins is not None])
ROWS = pl.concat([piece.transactions.with_columns(piece.truth["scenario"]) for piece in PIECES])


def test_each_session_begins_with_one_login_from_its_own_address_and_device() -> None:
    sessions = ROWS.filter(pl.col("session_started_at").is_not_null()).unique(["user", "session_started_at"])
    begun = LOGINS.filter("success").rename({"timestamp": "session_started_at"})
    found = sessions.join(begun, on=["user", "session_started_at"], how="inner", suffix="_of_login")

    assert begun.unique(["user", "session_started_at"]).height == sessions.height == found.height
    assert LOGINS.schema == polars_schema("Login")


def test_logins_come_in_the_order_of_time_and_within_their_slice() -> None:
    for piece in PIECES:
        assert piece.logins is not None
        assert piece.logins["timestamp"].is_sorted()
        assert piece.logins.filter(pl.col("timestamp") >= piece.end).is_empty()


def test_passwords_are_guessed_before_accounts_are_taken_over_and_mistyped_by_everybody() -> None:
    failed = LOGINS.filter(~pl.col("success")).group_by("user").len("failures")
    taken_over = ROWS.filter(pl.col("scenario") == "account_takeover").select("user").unique()
    victims = taken_over.join(failed, on="user", how="left").fill_null(0)
    others = failed.join(taken_over, on="user", how="anti")

    assert victims.filter(pl.col("failures") >= 3).height > victims.height / 2
    assert others.height > 50
