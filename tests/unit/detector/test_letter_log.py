"""Dead letters in the log: one line a second, and nothing of the record unless that is asked for."""

import pytest
import structlog
from confluent_kafka import Message
from structlog.testing import capture_logs
from structlog.typing import EventDict

from fraud_core.error_handling import ErrorLogSettings, Include
from fraud_detector import letter_log
from fraud_detector.dead_letters import DeadLetter, InvalidTransactionError, Stage
from fraud_detector.letter_log import LetterLog


@pytest.fixture(autouse=True)
def _uncached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that no earlier test configured."""
    monkeypatch.setattr(letter_log, "log", structlog.stdlib.get_logger())


def letter(offset: int) -> DeadLetter:
    message = Message(topic="transactions", partition=3, offset=offset, key=b"john", value=b"secret \xff")
    return DeadLetter(message, Stage.TRANSFORMATION, InvalidTransactionError("The amount is negative: -5.0."))


def lines(settings: ErrorLogSettings) -> list[EventDict]:
    """The lines for one letter."""
    with capture_logs() as found:
        LetterLog(settings).note([letter(0)])
    return found


def test_it_is_off_unless_asked_for() -> None:
    assert lines(ErrorLogSettings()) == []


def test_a_line_has_the_place_the_stage_and_the_error_and_nothing_of_the_record() -> None:
    (line,) = lines(ErrorLogSettings(enable=True))

    assert line == {
        "event": "dead_letter",
        "log_level": "error",
        "place": "transactions[3]@0",
        "stage": "TRANSFORMATION",
        "error": "InvalidTransactionError",
        "without_a_line": 0,
    }


def test_messages_are_included_where_that_is_asked_for() -> None:
    (line,) = lines(ErrorLogSettings(enable=True, include=Include(messages=True)))

    assert line["reason"] == "The amount is negative: -5.0."
    assert line["key"] == "john"
    assert line["value"] == r"secret \xff"


def test_at_most_one_line_a_second_counts_those_that_got_none() -> None:
    clock = [0.0]
    noted = LetterLog(ErrorLogSettings(enable=True), lambda: clock[0])
    with capture_logs() as found:
        for tick in range(25):
            clock[0] = tick / 10
            noted.note([letter(2 * tick), letter(2 * tick + 1)])

    assert [line["place"] for line in found] == [f"transactions[3]@{offset}" for offset in (0, 20, 40)]
    assert [line["without_a_line"] for line in found] == [1, 19, 19]


def test_no_letters_are_no_line() -> None:
    with capture_logs() as found:
        LetterLog(ErrorLogSettings(enable=True)).note([])

    assert found == []


@pytest.mark.parametrize("value", [None, b"", b"\xff"])
def test_any_key_and_value_can_be_shown(value: bytes | None) -> None:
    message = Message(topic="t", partition=0, offset=0, key=value, value=value)
    noted = LetterLog(ErrorLogSettings(enable=True, include=Include(messages=True)))

    with capture_logs() as found:
        noted.note([DeadLetter(message, Stage.VALUE_CONVERTER, ValueError("odd"))])

    assert len(found) == 1
