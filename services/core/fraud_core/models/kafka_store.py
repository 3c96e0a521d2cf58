"""Bundles in a compacted topic: `kafka://fraud_models/<sha256>`.

The records of a bundle are its chunks, keyed `<sha256>/0000`, `<sha256>/0001`, ..., and its manifest, keyed
`<sha256>/manifest`. All go in one transaction, the manifest last, so a bundle that can be found is complete.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from fraud_core.errors import BundleError, ConfigError, FraudstreamError, UnavailableError
from fraud_core.kafka import admin_client, client_config, end_offsets, reason
from fraud_core.models.bundle import Bundle, open_bundle, open_manifest
from fraud_core.models.manifest import Manifest
from fraud_core.settings import KafkaSettings

SCHEME = "kafka"
CHUNK_BYTES = 512 * 1024
MOST_BYTES = 64 * 2**20
MANIFEST = "manifest"
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
class Store:
    """The bundles on one topic."""

    topic: str
    settings: KafkaSettings

    def publish(self, bundle: Bundle) -> str:
        """Write the bundle, unless it is there already; gives its address.

        Raises:
            BundleError: it is larger than the store takes.
            UnavailableError: it could not be written.
        """
        if len(bundle.model) > MOST_BYTES:
            raise BundleError(
                f"The model {bundle.version} has {len(bundle.model):,} bytes; {MOST_BYTES:,} is the most. "
                "Train a smaller one: fewer or shallower trees."
            )
        place = Place(self.topic, bundle.sha256)
        if bundle.sha256 not in self.manifests():
            self._write(_records(bundle))
        return place.url

    def fetch(self, sha256: str) -> Bundle:
        """The bundle with this digest, verified and not unpickled.

        Raises:
            BundleError: there is none, or it is not the promised one.
            UnavailableError: Kafka can't be reached.
        """
        where = Place(self.topic, sha256).url
        found: dict[str, bytes] = {}
        for key, value in self._records_of(sha256):
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        content = found.pop(MANIFEST, None)
        if content is None:
            raise BundleError(
                f"There is no bundle {where}. `fraudstream models list` shows those that there are; "
                "`fraudstream models publish` adds one."
            )
        manifest = open_manifest(content, sha256, f"{where}/manifest.json")
        model = b"".join(found[key] for key in sorted(found))
        return open_bundle(manifest, model, f"{where}/model.joblib")

    def manifests(self) -> dict[str, Manifest]:
        """What is there, by digest; what can't be understood is left out.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        found: dict[str, Manifest] = {}
        latest = {digest: value for digest, part, value in self._records() if part == MANIFEST}
        for digest, value in latest.items():
            with suppress(BundleError):  # of another version, maybe; who asks for this very one is told
                if value is not None:
                    found[digest] = open_manifest(value, digest, Place(self.topic, digest).url)
        return found

    def delete(self, sha256: str) -> None:
        """Remove the bundle: a tombstone for each of its records.

        Raises:
            UnavailableError: it could not be written.
        """
        keys = {key for key, _ in self._records_of(sha256)}
        self._write([(f"{sha256}/{key}", None) for key in sorted(keys, reverse=True)])

    def _records_of(self, sha256: str) -> Iterator[tuple[str, bytes | None]]:
        """The bundle's records by the second part of their keys, in order; None is a tombstone."""
        for digest, part, value in self._records():
            if digest == sha256:
                yield part, value

    def _records(self) -> Iterator[tuple[str, str, bytes | None]]:
        for message in self._messages():
            digest, _, part = bytes(message.key() or b"").decode(errors="replace").partition("/")
            yield digest, part, message.value()

    def _messages(self) -> Iterator[Message]:
        """Every committed record, in order."""
        place = TopicPartition(self.topic, 0, OFFSET_BEGINNING)
        consumer = Consumer(
            {
                **client_config(self.settings),
                "group.id": "fraudstream-models",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
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

    def _write(self, records: Records) -> None:
        producer = Producer(
            {
                **client_config(self.settings),
                # Who publishes a bundle waits for nobody but another who publishes at the same time.
                "transactional.id": f"fraudstream-{self.topic}",
                "transaction.timeout.ms": int(TRANSACTION_S * 1_000),
                "message.max.bytes": 2 * CHUNK_BYTES,
                "compression.type": "lz4",
            }
        )
        try:
            producer.init_transactions(TIMEOUT_S)
            producer.begin_transaction()
            for key, value in records:
                producer.produce(self.topic, value, key, partition=0)
            producer.commit_transaction(TRANSACTION_S)
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
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name for it
            # Told again when an open transaction before the end is over.
            position = offset
        else:
            raise unreadable(error.str())


def _records(bundle: Bundle) -> Records:
    starts = range(0, len(bundle.model), CHUNK_BYTES)
    chunks: Records = [
        (f"{bundle.sha256}/{number:04}", bundle.model[start : start + CHUNK_BYTES])
        for number, start in enumerate(starts)
    ]
    return [*chunks, (f"{bundle.sha256}/{MANIFEST}", bundle.manifest.to_bytes())]
