"""One line a record, whatever is in it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from fraud_local.lines import line
from fraud_local.values import Value, as_json

DECISION = "fraudstream.Decision"
CONTENT: dict[str, Any] = {
    "timestamp": datetime(2026, 1, 5, 9, tzinfo=UTC),
    "user": "john",
    "amount": 1950.5,
    "fraudulent": True,
    "reason": ["High amount", "ML anomaly detection"],
    "score": 0.99876,
}


def message(
    headers: list[tuple[str, str | bytes | None]] | None = None, key: bytes | None = b"john"
) -> Message:
    return Message(
        topic="t", partition=1, offset=7, key=key, value=b"", headers=headers,
        timestamp=(TIMESTAMP_CREATE_TIME, 1_767_603_661_000),
    )  # fmt: skip


def test_a_decision_has_time_amount_score_user_and_reasons() -> None:
    assert line(message(), Value(b"", DECISION, CONTENT)) == (
        "2026-01-05 09:00:00  FRAUD    1,950.50  score 0.9988  john  High amount; ML anomaly detection"
    )


def test_a_decision_of_another_version_lacks_what_it_lacks() -> None:
    assert line(message(), Value(b"", DECISION, {"user": "john", "reason": []})) == (
        "-------------------  ok              -  score -  john"
    )


def test_any_other_record_is_shown_field_by_field_without_what_is_unknown() -> None:
    content = {"a": 1.5, "b": None, "c": ["x"], "d": {"e": 1}, "zero": 0, "no": False}

    assert line(message(), Value(b"", "Other", content)) == (
        "2026-01-05 09:01:01  john  a=1.5 c=[x] d={e=1} zero=0 no=False"
    )


def test_a_dead_letter_says_why_and_where_it_was() -> None:
    prefix = "__connect.errors."
    said = {"stage": b"VALUE_CONVERTER", "exception.message": b"bad\x1b[2J", "topic": b"transactions",
            "partition": b"3", "offset": b"12"}  # fmt: skip
    letter = message([(prefix + name, value) for name, value in said.items()], key=None)

    assert line(letter, Value(b"\x8f\x01hello", fault="no")) == (
        r"2026-01-05 09:01:01  null  VALUE_CONVERTER: bad\x1b[2J  transactions[3]@12  \x8f\x01hello"
    )


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202egnp", "\r"])
def test_no_record_can_take_over_the_terminal(text: str) -> None:
    shown = line(
        message(key=text.encode()), Value(b"", DECISION, {**CONTENT, "user": text, "reason": [text]})
    )
    shown += line(message(key=text.encode()), Value(b"", "Other", {"a": text, "b": [text]}))
    shown += line(message(key=text.encode()), Value(text.encode(), fault="no"))

    assert shown.isprintable()


def test_long_bytes_are_cut() -> None:
    assert len(line(message(), Value(b"x" * 10_000, fault="no"))) < 200


def test_json_has_all_fields_and_times_in_iso_8601() -> None:
    shown = as_json(message([("trace", b"\xff1")]), Value(b"", DECISION, {**CONTENT, "score": float("nan")}))

    assert '"timestamp":"2026-01-05T09:01:01+00:00"' in shown
    assert '"headers":{"trace":"\\\\xff1"}' in shown
    assert '"timestamp":"2026-01-05T09:00:00+00:00"' in shown
    assert '"score":null' in shown
