"""From decisions to records for the output topics."""

from dataclasses import dataclass, replace

import pyarrow.compute as pc

from fraud_core.avro import Encoder
from fraud_core.topics import OUTPUT_SIZE_FACTOR, Topics
from fraud_detector.dead_letters import DeadLetter, Stage, TooLargeError, headers, headers_size
from fraud_detector.deciding import Decisions
from fraud_detector.records import kafka_time
from fraud_detector.settings import DetectorSettings
from fraud_detector.transaction import Output

OVERHEAD = 512
"""Bytes that Kafka's record and batch framing may add to key and value."""


@dataclass(frozen=True)
class Written:
    """Records to produce; decisions that fit into no message are among the dead letters."""

    outputs: list[Output]
    too_large: list[DeadLetter]


class Writer:
    """Encodes decisions and dead letters."""

    def __init__(
        self, settings: DetectorSettings, topics: Topics, alerts: Encoder, classified: Encoder
    ) -> None:
        """The two decision topics have subjects, and so schema ids, of their own."""
        self._alerts, self._classified = alerts, classified
        self._topics = topics
        self._pipeline = settings.pipeline
        self._dead = settings.errors.deadletterqueue.topic.name or topics.dead_letters.name
        self._limit = OUTPUT_SIZE_FACTOR * settings.topics.max_message_bytes - OVERHEAD

    def write(self, decisions: Decisions, letters: list[DeadLetter]) -> Written:
        """One output for each decision and each letter."""
        outputs: list[Output] = []
        too_large: list[DeadLetter] = []
        for encoder, topic, wanted in (
            (self._alerts, self._topics.alerts.name, decisions.fraudulent),
            (self._classified, self._topics.classified.name, ~decisions.fraudulent),
        ):
            values = encoder.encode_batch(decisions.batch.filter(pc.equal(wanted, True)))  # noqa: FBT003 - an operand
            users = decisions.batch["user"].filter(wanted).to_pylist()
            messages = [message for message, chosen in zip(decisions.messages, wanted, strict=True) if chosen]
            for user, value, message in zip(users, values, messages, strict=True):
                if len(value) + len(user.encode()) > self._limit:
                    too_large.append(self._too_large(message, len(value)))
                else:
                    outputs.append(Output(topic, user, value, kafka_time(message)))
        outputs += [self._letter(letter) for letter in (*letters, *too_large)]
        return Written(outputs, too_large)

    def _letter(self, letter: DeadLetter) -> Output:
        message = letter.message
        key, value = message.key(), message.value()
        room = self._limit - len(key or b"") - len(value or b"")
        found = headers(letter, self._pipeline, room)
        if headers_size(found) > room:
            key = value = None
            found = headers(self._unsendable(letter), self._pipeline, self._limit)
        return Output(self._dead, key, value, kafka_time(message), found)

    def _unsendable(self, letter: DeadLetter) -> DeadLetter:
        """A letter without the record, for topics that allow less than the one it was read from."""
        error = TooLargeError(
            f"This dead letter lacks the record, which with these headers is larger than the {self._limit} "
            f"bytes that the output topics allow: read it at {letter.place}. Its own fault: {letter.error}"
        )
        error.__cause__ = letter.error
        return replace(letter, error=error)

    def _too_large(self, message: object, size: int) -> DeadLetter:
        error = TooLargeError(f"The decision takes {size} bytes; the output topics allow {self._limit}.")
        return DeadLetter(message, Stage.KAFKA_PRODUCE, error)  # type: ignore[arg-type]
