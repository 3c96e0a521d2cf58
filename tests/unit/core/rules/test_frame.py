from datetime import datetime, timedelta

import polars as pl
import pytest

from fraud_core.avro.types import polars_schema
from fraud_core.features import State, advance
from fraud_core.rules.columns import rule_columns
from fraud_core.rules.frame import rule_frame


@pytest.fixture
def frame() -> pl.DataFrame:
    """A user's first transaction, and one from elsewhere 90 s later."""
    start = datetime(2026, 1, 5, 9)
    rows = [
        {"transaction_id": "a", "user": "u", "amount": 10.0, "timestamp": start, "location": "US"},
        {
            "transaction_id": "b",
            "user": "u",
            "amount": 30.0,
            "timestamp": start + timedelta(seconds=90),
            "location": "JP",
        },
    ]
    transactions = pl.DataFrame(rows, schema=polars_schema("Transaction"))
    return rule_frame(transactions, advance(State(), transactions))


def test_it_has_the_columns_that_expressions_may_name_and_no_other(frame: pl.DataFrame) -> None:
    assert set(frame.columns) == set(rule_columns())
    assert {name: frame.schema[name] for name in rule_columns()} == rule_columns()


def test_features_that_no_rule_reads_can_be_left_out() -> None:
    transactions = pl.DataFrame(schema=polars_schema("Transaction"))

    narrow = rule_frame(transactions, advance(State(), transactions), {"txn_7d", "merchant"})

    assert "txn_7d" in narrow.columns
    assert "txn_30d" not in narrow.columns


def test_features_stand_beside_the_transaction_that_they_are_of(frame: pl.DataFrame) -> None:
    assert frame["amount"].to_list() == [10.0, 30.0]
    assert frame["amount_to_mean_30d"].to_list() == [None, 3.0]
    assert frame["previous_location"].to_list() == [None, "US"]
    assert frame["seconds_since_location"].to_list() == [None, 90.0]
