"""What a dead letter says of itself."""

import pytest
from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from fraud_detector.dead_letters import (
    PREFIX,
    DeadLetter,
    RecordLeftOutError,
    Stage,
    TooLargeError,
    own_headers,
)
from fraud_detector.dead_letters import headers as connects
from fraud_local.dlq.letter import Letter, Spot, parse_spot
from fraud_local.dlq.plan import REPLAYED_FROM, resubmitted_headers

NUMBERS = st.integers(0, 2**62)
NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True)


def letter(
    error: Exception, value: bytes | None = b"x", own: list[tuple[str, str | bytes | None]] | None = None
) -> Letter:
    """As the detector writes it."""
    record = Message(topic="transactions", partition=3, offset=42, value=value, headers=own)
    found = connects(DeadLetter(record, Stage.TRANSFORMATION, error), own_headers(record), "p")
    return Letter(Message(topic="transactions_dlq", partition=1, offset=7, value=value, headers=found))


@given(NAMES, NUMBERS, NUMBERS)
def test_a_place_is_read_as_it_is_written(topic: str, partition: int, offset: int) -> None:
    spot = Spot(topic, partition, offset)

    assert parse_spot(str(spot), "dlq") == spot
    assert parse_spot(f"[{partition}]@{offset}", topic) == spot


@pytest.mark.parametrize("text", ["", "3", "transactions", "t[0]", "t@1", "t[x]@1", "t[0]@-1", "t[0]@1 "])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like transactions\[0\]@42"):
        parse_spot(text, "dlq")


def test_where_it_was_read_and_what_was_wrong_come_from_its_headers() -> None:
    found = letter(ValueError("The amount is negative: -5.0."))

    assert found.spot == Spot("transactions_dlq", 1, 7)
    assert found.origin == Spot("transactions", 3, 42)
    assert (found.stage, found.error) == ("TRANSFORMATION", "ValueError")
    assert found.text == "The amount is negative: -5.0."


def test_reasons_that_differ_in_numbers_only_are_one() -> None:
    reasons = {
        letter(ValueError(f"Byte {byte:#04x} at -{byte}, {byte / 7:e}.")).reason for byte in (0, 7, 255)
    }

    assert reasons == {"ValueError: Byte # at #, #."}


def test_a_letter_without_headers_says_nothing() -> None:
    found = Letter(Message(topic="transactions_dlq", partition=1, offset=7, value=b"x"))

    assert (found.origin, found.stage, found.error, found.text) == (None, "-", "-", "")


@pytest.mark.parametrize("offset", ["", "-1", "x", "\u0664\u0662x"])
def test_headers_of_others_that_make_no_place_are_no_origin(offset: str) -> None:
    headers: list[tuple[str, str | bytes | None]] = [
        (PREFIX + "topic", "t"), (PREFIX + "partition", "0"), (PREFIX + "offset", offset),
    ]  # fmt: skip

    assert Letter(Message(topic="dlq", partition=0, offset=0, headers=headers)).origin is None


def test_only_a_letter_whose_record_was_left_out_lacks_it() -> None:
    assert letter(RecordLeftOutError("It is too large."), value=None).lacks_record
    assert not letter(TooLargeError("The decision is too large.")).lacks_record
    assert not letter(ValueError("The value is null (a tombstone)."), value=None).lacks_record


def test_letters_at_one_place_of_two_topics_of_one_name_are_told_apart() -> None:
    first = letter(ValueError("x"))
    later = Message(topic="transactions_dlq", partition=1, offset=7, value=b"x")

    assert first.identity != Letter(later).identity
    assert first.identity == letter(ValueError("another text")).identity


def test_a_record_is_resubmitted_with_its_own_headers_in_order_and_the_place_of_the_letter() -> None:
    own: list[tuple[str, str | bytes | None]] = [
        ("trace", b"1"), ("trace", b"\xff"), ("empty", None), (REPLAYED_FROM, b"earlier[0]@1"),
    ]  # fmt: skip

    assert resubmitted_headers(letter(ValueError("x"), own=own)) == [
        ("trace", b"1"), ("trace", b"\xff"), ("empty", None), (REPLAYED_FROM, b"transactions_dlq[1]@7"),
    ]  # fmt: skip
