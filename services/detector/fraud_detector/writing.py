"""From decisions to records for the output topics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from confluent_kafka import Message

from fraud_core.avro import Encoder
from fraud_core.topics import Topics
from fraud_detector.dead_letters import (
    DeadLetter,
    RecordLeftOutError,
    Stage,
    TooLargeError,
    headers,
    headers_size,
    own_headers,
)
from fraud_detector.deciding import Decisions
from fraud_detector.records import group
from fraud_detector.settings import DetectorSettings
from fraud_detector.transaction import Output, Outputs

OVERHEAD = 512
"""Bytes that Kafka's record and batch framing may add to key and value."""


@dataclass(frozen=True)
class Written:
    """Records to produce; decisions that fit into no message are among the dead letters."""

    decisions: Outputs
    letters: list[Output]
    too_large: list[DeadLetter]


class Writer:
    """Encodes decisions and dead letters."""

    def __init__(
        self,
        settings: DetectorSettings,
        topics: Topics,
        alerts: Encoder,
        classified: Encoder,
        limits: Mapping[str, int],
    ) -> None:
        """The two decision topics have subjects, and so schema ids, of their own.

        `limits` says for each topic how many bytes it takes at once.
        """
        self._encoder = classified
        self._topics = (topics.classified.name, topics.alerts.name)
        self._schema_ids = np.array([classified.schema_id, alerts.schema_id])
        self._pipeline = settings.pipeline
        self._dead = settings.dead_letters(topics)
        self._context = settings.errors.deadletterqueue.context.headers.enable
        self._limit = min(limits[topics.classified.name], limits[topics.alerts.name]) - OVERHEAD
        self._dead_limit = limits[self._dead] - OVERHEAD

    def write(self, decisions: Decisions, letters: Sequence[DeadLetter]) -> Written:
        """One output for each decision and each letter."""
        kinds = decisions.fraudulent.astype(np.int64)
        outputs = Outputs(
            topics=[self._topics[kind] for kind in kinds.tolist()],
            keys=decisions.batch["user"].to_pylist(),
            values=self._encoder.values(decisions.batch, self._schema_ids[kinds]),
            timestamps=decisions.records.times.tolist(),
        )
        sizes = np.fromiter(map(len, outputs.values), np.int64, len(kinds))
        if not len(sizes) or sizes.max() + max(map(len, outputs.keys)) * 4 <= self._limit:
            return Written(outputs, [self._letter(letter) for letter in letters], [])
        return self._without_too_large(outputs, decisions, letters)

    def _without_too_large(
        self, outputs: Outputs, decisions: Decisions, letters: Sequence[DeadLetter]
    ) -> Written:
        fits = [
            len(value) + len(key.encode()) <= self._limit
            for key, value in zip(outputs.keys, outputs.values, strict=True)
        ]
        too_large = [
            self._too_large(message, len(value))
            for message, value, fit in zip(decisions.records.messages, outputs.values, fits, strict=True)
            if not fit
        ]
        return Written(
            outputs.only(fits), [self._letter(letter) for letter in (*letters, *too_large)], too_large
        )

    def _letter(self, letter: DeadLetter) -> Output:
        message = letter.message
        (time,) = group([message]).times.tolist()
        key, value = message.key(), message.value()
        room = self._dead_limit - len(key or b"") - len(value or b"")
        own = own_headers(message)
        found = headers(letter, own, self._pipeline, room) if self._context else own or []
        if headers_size(found) > room:
            key = value = None
            found = headers(self._unsendable(letter), own, self._pipeline, self._dead_limit)
        return Output(self._dead, key, value, time, found)

    def _unsendable(self, letter: DeadLetter) -> DeadLetter:
        """A letter without the record, for topics that allow less than the one it was read from.

        It has Connect's headers always: without them nothing would be left of the record.
        """
        error = RecordLeftOutError(
            f"This dead letter lacks the record, which with these headers is larger than the "
            f"{self._dead_limit} bytes that {self._dead} allows: read it at {letter.place}. "
            f"Its own fault: {letter.error}"
        )
        error.__cause__ = letter.error
        return replace(letter, error=error)

    def _too_large(self, message: Message, size: int) -> DeadLetter:
        error = TooLargeError(f"The decision takes {size} bytes; the output topics allow {self._limit}.")
        return DeadLetter(message, Stage.KAFKA_PRODUCE, error)
