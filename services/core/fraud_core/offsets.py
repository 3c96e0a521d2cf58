"""Where the committed records of topics begin and end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import IsolationLevel, KafkaError, KafkaException
from confluent_kafka.admin import OffsetSpec

from fraud_core.errors import UnavailableError
from fraud_core.kafka import STALE, admin_client, listed_offsets, reason
from fraud_core.settings import KafkaSettings

Place = tuple[str, int]
TIMEOUT_S = 10.0
PATIENCE_S = 30.0
PAUSE_S = 0.5
EARLY = STALE - {KafkaError.UNKNOWN_TOPIC_OR_PART}
"""Refusals while a topic is new: what a busy broker tells of its leaders, and what it knows of itself, may
differ for some seconds, either way."""


@dataclass(frozen=True)
class Span:
    """Offsets of a partition.

    Attributes:
        begin: the first.
        end: the one after the last.
    """

    begin: int
    end: int

    @property
    def length(self) -> int:
        """How many offsets; markers of transactions are among them, so there may be fewer records."""
        return self.end - self.begin


def committed_spans(settings: KafkaSettings, partitions: Mapping[str, int]) -> dict[Place, Span]:
    """What a read-committed consumer can read now, for each partition of the topics.

    Args:
        settings: where the brokers are.
        partitions: number of partitions by topic.

    Raises:
        UnavailableError: the brokers don't answer.
    """
    places = [(topic, number) for topic, count in partitions.items() for number in range(count)]
    begins = _offsets(settings, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    ends = _offsets(settings, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {place: Span(begins[place], ends[place]) for place in places}


def narrowed(settings: KafkaSettings, spans: Mapping[Place, Span], moment: datetime) -> dict[Place, Span]:
    """The spans without what lies before the first record of this Kafka timestamp or a later one.

    Timestamps need not ascend, so older records may follow the first.

    Raises:
        UnavailableError: the brokers don't answer.
    """
    firsts = _firsts(settings, spans, moment)
    return {place: Span(firsts[place], span.end) for place, span in spans.items()}


def shortened(settings: KafkaSettings, spans: Mapping[Place, Span], moment: datetime) -> dict[Place, Span]:
    """The spans up to the first record of this Kafka timestamp or a later one, without it.

    Timestamps need not ascend, so older records may have followed it.

    Raises:
        UnavailableError: the brokers don't answer.
    """
    firsts = _firsts(settings, spans, moment)
    return {place: Span(span.begin, firsts[place]) for place, span in spans.items()}


def _firsts(settings: KafkaSettings, spans: Mapping[Place, Span], moment: datetime) -> dict[Place, int]:
    """Where the first record of this Kafka timestamp or a later one is, within the spans."""
    which = OffsetSpec.for_timestamp(int(moment.timestamp() * 1_000))
    firsts = _offsets(settings, list(spans), which)
    return {
        place: span.end if firsts[place] < 0 else min(span.end, max(span.begin, firsts[place]))
        for place, span in spans.items()
    }


def _offsets(settings: KafkaSettings, places: list[Place], which: OffsetSpec) -> dict[Place, int]:
    if not places:
        return {}
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return listed_offsets(
                admin_client(settings), places, which, TIMEOUT_S, IsolationLevel.READ_COMMITTED
            )
        except KafkaException as error:
            if error.args[0].code() not in EARLY or time.monotonic() > deadline:
                raise UnavailableError(
                    f"The brokers at {settings.bootstrap_servers} don't say where topics end "
                    f"({reason(error)}). Try again."
                ) from error
        time.sleep(PAUSE_S)
