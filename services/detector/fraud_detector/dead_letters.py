"""Dead letters in Kafka Connect's form: the record as read, with headers that say what was wrong.

Source of the header names: Apache Kafka, `DeadLetterQueueReporter` (KIP-298).
"""

import math
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from confluent_kafka import Message

from fraud_core.polling import headers_of

PREFIX = "__connect.errors."
TEXT_LIMIT = 1_000
FRAMING = 10
"""Bytes of length that Kafka may add to one header."""
Headers = list[tuple[str, str | bytes | None]]
LEFT_OUT = "fraudstream.headers"
"""After Connect's prefix: why the record's own headers are not there."""


class Stage(StrEnum):
    """Where in the pipeline a record failed, in Connect's words."""

    VALUE_CONVERTER = "VALUE_CONVERTER"
    TRANSFORMATION = "TRANSFORMATION"
    KAFKA_PRODUCE = "KAFKA_PRODUCE"


@dataclass(frozen=True)
class DeadLetter:
    """A record that cannot be decided, and why."""

    message: Message
    stage: Stage
    error: Exception

    @property
    def place(self) -> str:
        """Where the record is, for people."""
        return f"{self.message.topic()}[{self.message.partition()}]@{self.message.offset()}"


class InvalidTransactionError(ValueError):
    """A record is well-formed, but no transaction can look like that."""


class RecordFaultError(Exception):
    """Records are at fault and `errors.tolerance` is `none`: their tasks must stop before them."""

    def __init__(self, letters: Sequence[DeadLetter]) -> None:
        """`letters` are what would have become dead letters."""
        super().__init__(f"{len(letters)} records are at fault")
        self.letters = letters


def refusal(letter: DeadLetter) -> str:
    """Why a task stops at this record, and what to do, for people."""
    return (
        f"The record {letter.place} is at fault ({letter.stage}: {letter.error}) and errors.tolerance is "
        "none. Mend the cause and restart the task, or set FRAUD_ERRORS__TOLERANCE=all to send such "
        "records to the dead letters."
    )


class TooLargeError(ValueError):
    """A decision would not fit into a message."""


class RecordLeftOutError(TooLargeError):
    """A dead letter would not fit into a message with its record, and so goes without it."""


def headers(letter: DeadLetter, own: Headers | None, pipeline: str, room: float = math.inf) -> Headers:
    """Connect's headers and the record's own; texts are UTF-8 of at most about a kilobyte.

    `own` is what `own_headers` has found, once, for this letter.

    Place, stage and reason are always there. Of the rest, what does not fit into `room` bytes is left out:
    the stack trace first, then the record's own headers.
    """
    message, error = letter.message, letter.error
    kind = type(error)
    context = _texts({
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "connector.name": pipeline,
        "task.id": message.partition(),
        "stage": letter.stage.value,
        "class.name": _origin(error),
        "exception.class.name": f"{kind.__module__}.{kind.__qualname__}",
        "exception.message": str(error),
        **({LEFT_OUT: "left out, as a name of theirs is no UTF-8"} if own is None else {}),
    })  # fmt: skip
    trace = _texts({"exception.stacktrace": "".join(traceback.format_exception(error))})
    return context + _fitting((own or []) + trace, room - headers_size(context))


def headers_size(found: Headers) -> int:
    """Bytes that these headers take in a record, at most."""
    return sum(len(name.encode()) + len(value or b"") + FRAMING for name, value in found)


def _texts(context: dict[str, object]) -> Headers:
    return [(PREFIX + name, _cut(str(value))) for name, value in context.items()]


def _fitting(found: Headers, room: float) -> Headers:
    kept: Headers = []
    for header in found:
        if (taken := headers_size([header])) <= room:
            kept.append(header)
            room -= taken
    return kept


def own_headers(message: Message) -> Headers | None:
    """The headers that the record came with, all but Connect's of a failure; None if they can't be read."""
    found = headers_of(message)
    return None if found is None else [header for header in found if not header[0].startswith(PREFIX)]


def _origin(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].name if frames else __name__


def _cut(text: str) -> bytes:
    return text.encode("utf-8", "replace")[:TEXT_LIMIT].decode("utf-8", "ignore").encode()


def before(letters: Iterable[DeadLetter], offsets: Mapping[int, int]) -> list[DeadLetter]:
    """Those of records before these offsets; partitions without one are kept whole."""
    return [
        letter
        for letter in letters
        if (letter.message.offset() or 0) < offsets.get(letter.message.partition() or 0, sys.maxsize)
    ]
