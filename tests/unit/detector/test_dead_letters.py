"""Dead letters carry Kafka Connect's headers."""

import math

from confluent_kafka import Message

from fraud_detector.dead_letters import (
    PREFIX,
    DeadLetter,
    Headers,
    InvalidTransactionError,
    Stage,
    headers,
    own_headers,
)


def letter(error: Exception, own: list[tuple[str, str | bytes | None]] | None = None) -> DeadLetter:
    message = Message(topic="transactions", partition=3, offset=42, value=b"x", headers=own)
    return DeadLetter(message, Stage.TRANSFORMATION, error)


def told(letter: DeadLetter, room: float = math.inf) -> Headers:
    return headers(letter, own_headers(letter.message), "fraud-detector", room)


def test_the_place_the_stage_and_the_error_are_told() -> None:
    found = dict(told(letter(InvalidTransactionError("The amount is negative: -1.0."))))

    assert found[PREFIX + "topic"] == b"transactions"
    assert found[PREFIX + "partition"] == b"3"
    assert found[PREFIX + "offset"] == b"42"
    assert found[PREFIX + "connector.name"] == b"fraud-detector"
    assert found[PREFIX + "stage"] == b"TRANSFORMATION"
    assert found[PREFIX + "exception.class.name"] == b"fraud_detector.dead_letters.InvalidTransactionError"
    assert found[PREFIX + "exception.message"] == b"The amount is negative: -1.0."


def test_the_records_own_headers_are_kept_and_those_of_an_earlier_failure_replaced() -> None:
    found = told(letter(ValueError("new"), [("trace", b"1"), (PREFIX + "exception.message", b"old")]))

    assert ("trace", b"1") in found
    assert [value for name, value in found if name == PREFIX + "exception.message"] == [b"new"]


def test_long_texts_are_cut_at_a_kilobyte_and_stay_utf8() -> None:
    found = dict(told(letter(ValueError("é" * 5_000))))

    text = found[PREFIX + "exception.message"]
    assert isinstance(text, bytes)
    assert len(text) <= 1_000
    assert text.decode() == "é" * 500


def test_what_does_not_fit_is_left_out_the_stack_trace_first_and_then_the_records_own() -> None:
    odd = letter(ValueError("odd " * 200), [("trace", b"1" * 400)])
    names = [name for name, _ in told(odd)]

    assert names[-2:] == ["trace", PREFIX + "exception.stacktrace"]
    assert [name for name, _ in told(odd, room=2_000)] == names[:-1]
    assert [name for name, _ in told(odd, room=1_600)] == names[:-2]
