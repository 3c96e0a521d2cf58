"""A dead letter as it lies on its topic: where it is, where its record was read, and what was wrong."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from confluent_kafka import Message

from fraud_detector.dead_letters import PREFIX, RecordLeftOutError
from fraud_local.values import headers, kafka_time

LEFT_OUT = RecordLeftOutError.__name__
_VARYING = re.compile(r"0x[0-9a-f]+|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
_SPOT = re.compile(r"(?P<topic>[A-Za-z0-9._-]*)\[(?P<partition>\d+)\]@(?P<offset>\d+)")


class Spot(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


def parse_spot(text: str, dead_letters: str) -> Spot:
    """`TOPIC[PARTITION]@OFFSET`; without a topic it is on the dead letters' own.

    Raises:
        ValueError: it is not written so.
    """
    found = _SPOT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no place of a record; write it like transactions[0]@42 or [0]@42.")
    return Spot(found["topic"] or dead_letters, int(found["partition"]), int(found["offset"]))


@dataclass(frozen=True)
class Letter:
    """One dead letter."""

    message: Message

    @cached_property
    def context(self) -> dict[str, str]:
        """Connect's headers without their prefix; empty where the detector writes none."""
        return {
            name.removeprefix(PREFIX): (value or b"").decode("utf-8", "replace")
            for name, value in headers(self.message).items()
            if name.startswith(PREFIX)
        }

    @property
    def spot(self) -> Spot:
        """Where the letter is."""
        return Spot(self.message.topic() or "", self.message.partition() or 0, self.message.offset() or 0)

    @property
    def origin(self) -> Spot | None:
        """Where its record was read; None where the letter does not say so."""
        partition, offset = self.context.get("partition", ""), self.context.get("offset", "")
        if not (partition.isdecimal() and offset.isdecimal() and self.context.get("topic")):
            return None
        return Spot(self.context["topic"], int(partition), int(offset))

    @property
    def when(self) -> datetime | None:
        """Its Kafka timestamp, which is that of its record."""
        return kafka_time(self.message)

    @property
    def stage(self) -> str:
        """Where in the pipeline it failed, `-` if unknown."""
        return self.context.get("stage") or "-"

    @property
    def error(self) -> str:
        """Name of the exception's class, `-` if unknown."""
        return self.context.get("exception.class.name", "").rpartition(".")[2] or "-"

    @property
    def text(self) -> str:
        """Text of the exception."""
        return self.context.get("exception.message", "")

    @property
    def reason(self) -> str:
        """Class and text of the exception with # for numbers, so that letters of one kind count together."""
        return f"{self.error}: {_VARYING.sub('#', self.text)}"

    @property
    def lacks_record(self) -> bool:
        """Whether its record was too large to go with it, so that there is nothing to resubmit."""
        return self.message.value() is None and self.error == LEFT_OUT

    @property
    def identity(self) -> str:
        """Tells it from every other, even from those of a topic that was deleted and made anew."""
        return f"{self.spot} from {self.origin or '-'} of {self.message.timestamp()[1]}"
