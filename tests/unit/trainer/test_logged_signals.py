"""What decisions say of rules is read back as columns, of the rules that detectors have now."""

import io
import json
from typing import Any

import fastavro
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from fraud_core.avro import Decoder
from fraud_core.avro.types import arrow_type
from fraud_core.registry import Registry
from fraud_core.schemas import schema
from fraud_core.signals import Signal
from fraud_trainer.logged_signals import alert_rules, flags, joined_flags, latest_signals

KIND = arrow_type("Decision").field("signals").type


def logged(*rows: dict[str, bool] | None) -> pa.MapArray:
    return pa.array([None if row is None else list(row.items()) for row in rows], KIND)


def listed(found: dict[str, Any]) -> dict[str, list[int]]:
    return {key: column.tolist() for key, column in found.items()}


def test_a_rule_fired_did_not_or_is_unknown() -> None:
    found = flags(logged({"a:1": True, "b:1": False}, {}, {"b:1": True}, None))

    assert listed(found) == {"a:1": [1, -1, -1, -1], "b:1": [0, -1, 1, -1]}


class Before(Registry):
    """A registry that knows the schema of decisions from before there were signals alone."""

    def __init__(self) -> None:
        self.writer = schema("Decision")
        self.writer["fields"] = [field for field in self.writer["fields"] if field["name"] != "signals"]

    def schema_by_id(self, schema_id: int) -> str:
        assert schema_id == 1
        return json.dumps(self.writer)


def test_of_decisions_from_before_there_were_signals_nothing_is_known() -> None:
    registry, body = Before(), io.BytesIO(b"\0\0\0\0\1")
    row = {
        "transaction_id": "t",
        "user": "u",
        "amount": 1.0,
        "timestamp": 0,
        "fraudulent": False,
        "reason": [],
    }
    body.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(body, fastavro.parse_schema(registry.writer), row)

    decoded = Decoder("Decision", registry).decode([body.getvalue()])

    assert decoded.rejected == ()
    assert decoded.batch.num_rows == 1
    assert flags(decoded.batch.column("signals")) == {}


def test_without_signals_nothing_is_known() -> None:
    assert flags(logged({}, {})) == flags(logged()) == {}


def test_a_part_of_a_batch_has_its_own_rows_alone() -> None:
    whole = logged({"a:1": True}, {"a:1": False, "b:1": True}, {"b:1": False})

    assert listed(flags(whole[1:])) == {"a:1": [0, -1], "b:1": [1, 0]}


def test_batches_stand_one_after_the_other() -> None:
    found = joined_flags([(2, flags(logged({"b:1": True}, {}))), (1, flags(logged({"a:1": False})))])

    assert listed(found) == {"a:1": [-1, -1, 0], "b:1": [1, -1, -1]}


@pytest.mark.parametrize(
    ("last", "signals"),
    [(0, [Signal("a", "1")]), (1, [Signal("a", "2"), Signal("b", "1")]), (2, [])],
    ids=["of before", "of now", "of none"],
)
def test_those_count_that_the_latest_decision_names(last: int, signals: list[Signal]) -> None:
    found = flags(logged({"a:1": True}, {"a:2": False, "b:1": True}, {}))

    named, fired = latest_signals(found, last)

    assert list(named) == signals
    assert fired.shape == (len(signals), 3)
    if last == 1:
        np.testing.assert_array_equal(fired, [[np.nan, 0, np.nan], [np.nan, 1, np.nan]])


def test_a_signal_that_fired_makes_no_alert_whatever_else_is_called_so() -> None:
    """A rule that is a signal in one decision may have been one that alerts in an earlier one."""
    signals = logged({"risky:1": True}, {"risky:1": True}, {"odd:1": False}, {}, None, {"odd:1": True})
    rules = [["risky"], ["large", "risky", "late"], ["large", "late"], ["risky"], ["large"], None]
    decisions = pl.DataFrame({"fraudulent": [True] * 6, "rules": rules})

    assert alert_rules(decisions, flags(signals)).tolist() == [
        "", "large,late", "large,late", "risky", "large", ""
    ]  # fmt: skip


def test_what_is_no_alert_was_made_one_by_no_rule() -> None:
    decisions = pl.DataFrame({"fraudulent": [False], "rules": [["risky"]]})

    assert alert_rules(decisions, {}).tolist() == [""]


def test_where_nothing_was_logged_there_are_no_columns() -> None:
    named, fired = latest_signals({}, 0)

    assert named == ()
    assert len(fired) == 0
