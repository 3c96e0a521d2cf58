"""What becomes of each dead letter when it is to be replayed, and as what it is resubmitted."""

from dataclasses import dataclass, field
from enum import StrEnum

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import admin_client, reason
from fraud_core.settings import KafkaSettings
from fraud_detector.dead_letters import Headers, headers_size, own_headers
from fraud_local.dlq.letter import Letter
from fraud_local.dlq.topic import DeadLetterTopic
from fraud_local.topic_names import missing

REPLAYED_FROM = "fraudstream.replayed_from"
FRAMING = 100
"""Bytes that a batch of one record adds to key, value and headers, at most."""
TIMEOUT_S = 10.0


class Fate(StrEnum):
    """What becomes of a letter, in words that follow a number."""

    SENT = "to replay"
    BEFORE = "replayed before"
    LACKING = "without the record, which did not fit into the letter"
    HOMELESS = "without headers that say where they were read (give --to)"
    TOO_LARGE = "larger than the topic allows"


@dataclass
class Plan:
    """What becomes of each letter.

    Attributes:
        topic: of the dead letters.
        to: where all go; None for where each was read.
        done: identities of those that were replayed.
    """

    topic: DeadLetterTopic
    to: str | None
    done: set[str]
    _limits: dict[str, int] = field(default_factory=dict)

    def fate(self, letter: Letter) -> Fate:
        """What becomes of it.

        Raises:
            ConfigError: the topic that it goes to is not there.
            UnavailableError: the brokers don't answer.
        """
        if letter.identity in self.done:
            return Fate.BEFORE
        if letter.lacks_record:
            return Fate.LACKING
        if (target := self.target(letter)) is None:
            return Fate.HOMELESS
        return Fate.SENT if size(letter) <= self._limit(target) else Fate.TOO_LARGE

    def target(self, letter: Letter) -> str | None:
        """The topic that it goes to; None if unknown."""
        return self.to or (letter.origin.topic if letter.origin else None)

    def _limit(self, target: str) -> int:
        if target not in self._limits:
            if target not in self.topic.existing:
                said = missing([target], self.topic.settings, self.topic.existing)
                raise ConfigError(f"{said} With --to they can go to another topic.")
            self._limits[target] = _max_message_bytes(self.topic.settings.kafka, target)
        return self._limits[target]


def resubmitted_headers(letter: Letter) -> Headers:
    """The record's own headers, and where the letter was."""
    own = [(name, value) for name, value in own_headers(letter.message) or [] if name != REPLAYED_FROM]
    return [*own, (REPLAYED_FROM, str(letter.spot).encode())]


def size(letter: Letter) -> int:
    """Bytes that it takes when it is resubmitted, at most."""
    key, value = letter.message.key() or b"", letter.message.value() or b""
    return len(key) + len(value) + headers_size(resubmitted_headers(letter)) + FRAMING


def _max_message_bytes(settings: KafkaSettings, topic: str) -> int:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = admin_client(settings)
    try:
        found = admin.describe_configs([resource])[resource].result(TIMEOUT_S)
    except KafkaException as error:
        raise UnavailableError(
            f"The brokers don't say how {topic} is configured: {reason(error)}."
        ) from error
    return int(found["max.message.bytes"].value)
