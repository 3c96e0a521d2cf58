"""The topic that bundles are kept on, as records: `kafka://fraud_models/<sha256>`.

The records of a bundle are its chunks, keyed `<sha256>/0000`, `<sha256>/0001`, ..., its signature where it
has one, keyed `<sha256>/signature`, and its manifest, keyed `<sha256>/manifest`. All go in one transaction,
the manifest last, so a bundle that can be found is complete.
What is in a bundle is for `fraud_core.models`; who only finds and deletes them needs none of its libraries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Message,
    TopicPartition,
)

from fraud_core.errors import ConfigError, FraudstreamError, UnavailableError
from fraud_core.kafka import admin_client, client_config, end_offsets, reason
from fraud_core.polling import is_end, key_of
from fraud_core.producers import producer
from fraud_core.settings import KafkaSettings

SCHEME = "kafka"
CHUNK_BYTES = 512 * 1024
MANIFEST, SIGNATURE = "manifest", "signature"
TIMEOUT_S = 30.0
TRANSACTION_S = 60.0

Records = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Place:
    """An address in parts.

    Attributes:
        topic: that holds the bundles.
        sha256: of the bundle; empty in the address of the store.
    """

    topic: str
    sha256: str = ""

    @property
    def url(self) -> str:
        """The address."""
        return f"{SCHEME}://{self.topic}/{self.sha256}".rstrip("/")


def place_of(url: str) -> Place:
    """The parts of an address.

    Raises:
        ConfigError: it is none of this store.
    """
    parts = urlsplit(url)
    if parts.scheme != SCHEME or not parts.netloc or "/" in parts.path.strip("/"):
        raise ConfigError(f"{url} is no address of bundles in Kafka; those are kafka://<topic>/<sha256>.")
    return Place(parts.netloc, parts.path.strip("/"))


def is_kafka(url: object) -> bool:
    """Whether this store is meant."""
    return str(url).startswith(f"{SCHEME}://")


@dataclass(frozen=True)
class BundleTopic:
    """The records of bundles on one topic."""

    topic: str
    settings: KafkaSettings

    def manifests(self) -> dict[str, bytes]:
        """The manifests that there are, as bytes, by digest.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        latest = {digest: value for digest, part, value in self._records() if part == MANIFEST}
        return {digest: value for digest, value in latest.items() if value is not None}

    def delete(self, sha256: str) -> None:
        """Remove the bundle: a tombstone for each of its records.

        Raises:
            UnavailableError: it could not be written.
        """
        keys = {key for key, _ in self.records_of(sha256)}
        self.write([(f"{sha256}/{key}", None) for key in sorted(keys, reverse=True)])

    def latest(self, sha256: str) -> dict[str, bytes]:
        """The bundle's records that were not deleted since, by the second part of their keys.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        found = dict(self.records_of(sha256))
        return {key: value for key, value in found.items() if value is not None}

    def records_of(self, sha256: str) -> Iterator[tuple[str, bytes | None]]:
        """The bundle's records by the second part of their keys, in order; None is a tombstone.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        for digest, part, value in self._records():
            if digest == sha256:
                yield part, value

    def _records(self) -> Iterator[tuple[str, str, bytes | None]]:
        for message in self._messages():
            digest, _, part = key_of(message).partition("/")
            yield digest, part, message.value()

    def _messages(self) -> Iterator[Message]:
        """Every committed record, in order."""
        place = TopicPartition(self.topic, 0, OFFSET_BEGINNING)
        consumer = Consumer(
            {
                "fetch.wait.max.ms": 100,
                **client_config(self.settings),
                "group.id": "fraudstream-models",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
            }
        )
        try:
            end = self._end()
            consumer.assign([place])
            yield from _until(consumer, end, self._unreadable)
        except KafkaException as error:
            raise self._unreadable(reason(error)) from error
        finally:
            consumer.close()

    def _end(self) -> int:
        """Where the log ends, open transactions included: what is committed by now lies before."""
        place = (self.topic, 0)
        return end_offsets(admin_client(self.settings), [place], TIMEOUT_S)[place]

    def _unreadable(self, why: str) -> FraudstreamError:
        return UnavailableError(
            f"The bundles on {self.topic} can't be read ({why}). Does the topic exist (`fraudstream setup` "
            "makes it), and is Kafka running?"
        )

    def write(self, records: Records) -> None:
        """Write records in one transaction.

        Raises:
            UnavailableError: they could not be written.
        """
        made = producer(
            {
                "compression.type": "lz4",
                **client_config(self.settings),
                # Who publishes a bundle waits for nobody but another who publishes at the same time.
                "transactional.id": f"fraudstream-{self.topic}",
                "transaction.timeout.ms": int(TRANSACTION_S * 1_000),
                "message.max.bytes": 2 * CHUNK_BYTES,
            }
        )
        try:
            made.init_transactions(TIMEOUT_S)
            made.begin_transaction()
            for key, value in records:
                made.produce(self.topic, value, key, partition=0)
            made.commit_transaction(TRANSACTION_S)
        except KafkaException as error:
            raise UnavailableError(
                f"The bundle could not be written to {self.topic}: {reason(error)}. Try again."
            ) from error


def _until(consumer: Consumer, end: int, unreadable: Callable[[str], FraudstreamError]) -> Iterator[Message]:
    position = 0
    while position < end:
        message = consumer.poll(TIMEOUT_S)
        if message is None:
            raise unreadable(f"nothing came within {TIMEOUT_S:.0f} s")
        error, offset = message.error(), message.offset() or 0
        if error is None:
            position = offset + 1
            yield message
        elif is_end(error):
            # Told again when an open transaction before the end is over.
            position = offset
        else:
            raise unreadable(error.str())
