"""A pipeline of its own for a test: topics under a prefix, detectors as processes, and what they decided."""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from fraud_core.avro import Decoder, Encoder
from fraud_core.cli import overrides
from fraud_core.kafka import PARTITIONER, admin_client, client_config, partition_counts
from fraud_core.offsets import committed_spans
from fraud_core.registry import Registry
from fraud_core.rollouts.first import BaselineSettings, first_rollout
from fraud_core.settings import ENV_PREFIX, CoreSettings, load_settings
from fraud_core.setup import setup
from fraud_core.topics import Topic, Topics, topics
from tests.support import forked
from tests.support.compiled import compiled
from tests.support.forked import Forked

PATIENCE_S = 90.0
QUIET_S = 0.5
"""Where nothing came for so long, nothing follows."""
START = datetime(2026, 1, 5, 9)


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition; fails with `what` when it does not come true in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not in {patience_s:g} s: {what}"
        time.sleep(0.05)


def transactions(first: int, last: int, users: int = 7, **columns: object) -> pl.DataFrame:
    """Numbered transactions, a second apart, dealt to the users in turn."""
    numbers = range(first, last)
    frame = pl.DataFrame(
        {
            "transaction_id": [f"t{number}" for number in numbers],
            "user": [f"u{number % users}" for number in numbers],
            "amount": [float(number % 450) for number in numbers],
            "timestamp": [START + timedelta(seconds=number) for number in numbers],
            "location": ["US" if number % 97 else "FR" for number in numbers],
            "merchant": [f"m{number % 13}" for number in numbers],
        }
    )
    constants = [pl.lit(value).alias(name) for name, value in columns.items()]
    return frame.with_columns(pl.col("timestamp").cast(pl.Datetime("ms")), *constants)


@dataclass
class Detector:
    """A detector process and its log."""

    process: Forked
    log_file: Path

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self.log_file.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under this name, if its log is in JSON."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.endswith("}")]
        return [line for line in lines if line["event"] == name]

    def says(self, text: str) -> None:
        """Wait until it logs this."""
        until(lambda: text in self.log, f"the detector says {text!r}; it said:\n{self.log[-3000:]}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait()

    def exit_code(self) -> int:
        """Wait until it ends."""
        return self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM, and wait."""
        self.signal(signal.SIGTERM)
        return self.exit_code()


@dataclass
class Pipeline:
    """Topics of one test, and who works on them."""

    settings: CoreSettings
    environment: dict[str, str]
    logs: Path
    detectors: list[Detector] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its consumer group."""
        return self.environment["FRAUD_PIPELINE"]

    @property
    def topics(self) -> Topics:
        """Its topics."""
        return topics(self.settings.topics)

    @property
    def registry(self) -> Registry:
        """Its registry."""
        return Registry(self.settings.schema_registry)

    def process_environment(self, **variables: str) -> dict[str, str]:
        """What a process of this pipeline gets."""
        return {**os.environ, **self.environment, **variables}

    def set_up(self) -> None:
        """Make its topics, register their schemas, and let the rules decide alone."""
        setup(self.settings)
        first_rollout(self.settings, self.name, BaselineSettings())

    def detector(self, worker: str = "w", **settings: str) -> Detector:
        """Start a detector; settings by the last parts of their variables, `ERRORS__TOLERANCE="none"`."""
        compiled()
        log_file = self.logs / f"{len(self.detectors)}-{worker}.log"
        variables = {f"FRAUD_{name}": value for name, value in settings.items()}
        process = forked.started(
            "fraud_detector",
            *("--worker", worker),
            environment=self.process_environment(**variables),
            output=log_file,
        )
        started = Detector(process, log_file)
        self.detectors.append(started)
        return started

    def encode(self, frame: pl.DataFrame) -> list[bytes]:
        """Transactions as they go on the topic."""
        return Encoder("Transaction", self.registry.id_of(self.topics.transactions)).encode(frame)

    def send(self, frame: pl.DataFrame) -> None:
        """Produce transactions, keyed by user."""
        self.send_raw(list(zip(frame["user"].to_list(), self.encode(frame), strict=True)))

    def send_raw(
        self,
        records: Sequence[tuple[str | None, bytes | None]],
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Produce records as they are."""
        producer = Producer(
            {**client_config(self.settings.kafka), "partitioner": PARTITIONER, "enable.idempotence": True}
        )
        for key, value in records:
            producer.produce(self.topics.transactions.name, value, key, headers=headers)  # type: ignore[arg-type]
        assert producer.flush(PATIENCE_S) == 0

    def outputs(self, count: int, *names: str) -> list[Message]:
        """Committed records of the topics: at least `count`, and any that follow at once."""
        wanted = names or tuple(topic.name for topic in self._outputs())
        partitions = partition_counts(self.settings.kafka)
        places = {(name, partition) for name in wanted for partition in range(partitions.get(name, 0))}
        consumer = Consumer(
            {
                **client_config(self.settings.kafka),
                "group.id": uuid.uuid4().hex,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
        try:
            return self._drained(consumer, places, count)
        finally:
            consumer.close()

    def produced(self) -> int:
        """How many transactions are on the input; all its producers are plain ones."""
        topic = self.topics.transactions
        spans = committed_spans(self.settings.kafka, {topic.name: topic.partitions})
        return sum(span.length for span in spans.values())

    def decisions(self, count: int) -> pl.DataFrame:
        """Decisions as a frame, sorted by where their transaction was, once there are `count`."""
        messages = self.outputs(count, self.topics.alerts.name, self.topics.classified.name)
        decoded = Decoder("Decision", self.registry).decode([message.value() for message in messages])
        assert decoded.rejected == ()
        return pl.DataFrame(decoded.batch).sort("source_partition", "source_offset")

    def dead_letters(self, count: int) -> list[Message]:
        """Records of the dead letter topic."""
        return self.outputs(count, self.topics.dead_letters.name)

    def retained(self, partition: int) -> int:
        """How many offsets of an input partition are retained."""
        consumer = Consumer({**client_config(self.settings.kafka), "group.id": uuid.uuid4().hex})
        try:
            place = TopicPartition(self.topics.transactions.name, partition)
            first, end = consumer.get_watermark_offsets(place, 10)
        finally:
            consumer.close()
        return end - first

    def delete_before(self, ends: Mapping[int, int]) -> None:
        """Let the input retain nothing before these offsets; -1 is the end."""
        topic = self.topics.transactions.name
        places = [TopicPartition(topic, partition, offset) for partition, offset in ends.items()]
        admin = admin_client(self.settings.kafka)  # its futures live as long as it does
        for deleted in admin.delete_records(places).values():
            deleted.result(10)

    def close(self) -> None:
        """End every detector that still runs."""
        for detector in self.detectors:
            if detector.process.poll() is None:
                detector.signal(signal.SIGCONT)
                detector.kill()

    def _outputs(self) -> tuple[Topic, ...]:
        made = self.topics
        return (made.alerts, made.classified, made.dead_letters)

    def _drained(self, consumer: Consumer, places: set[tuple[str, int]], count: int) -> list[Message]:
        """All up to the ends of the partitions, and until nothing more comes."""
        found: list[Message] = []
        read: set[tuple[str | None, int | None]] = set()
        deadline, quiet_until = time.monotonic() + PATIENCE_S, time.monotonic() + QUIET_S
        while len(found) < count or read != places or time.monotonic() < quiet_until:
            for message in consumer.consume(5_000, 0.1):
                if (error := message.error()) is None:
                    found.append(message)
                    quiet_until = time.monotonic() + QUIET_S
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its own name
                    read.add((message.topic(), message.partition()))
            assert time.monotonic() < deadline, f"{len(found)} of {count} records came; {self._last_words()}"
        return found

    def _last_words(self) -> str:
        return "\n".join(detector.log[-2000:] for detector in self.detectors)


def configure(pipeline: Pipeline, topic: str, **values: str) -> None:
    """Set values of a topic's configuration, named with `_` for dots."""
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in values.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = admin_client(pipeline.settings.kafka)
    admin.incremental_alter_configs([resource])[resource].result(10)


@contextmanager
def pipeline(
    bootstrap_servers: str,
    schema_registry_url: str,
    logs: Path,
    partitions: int = 3,
    access: Mapping[str, str] | None = None,
) -> Iterator[Pipeline]:
    """A pipeline with topics of its own; `access` are further variables, which say how to get in."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    environment = {
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "FRAUD_SCHEMA_REGISTRY__URL": schema_registry_url,
        "FRAUD_TOPICS__PREFIX": f"{name}.",
        "FRAUD_TOPICS__TRANSACTIONS": f"{name}.transactions",
        "FRAUD_TOPICS__PARTITIONS": str(partitions),
        **(access or {}),
    }
    shared = {key.removeprefix(ENV_PREFIX).lower(): value for key, value in environment.items()}
    own = {"FRAUD_PIPELINE": name, "FRAUD_HTTP__PORT": "0"}
    made = Pipeline(load_settings(CoreSettings, **overrides(**shared)), environment | own, logs)
    made.set_up()
    try:
        yield made
    finally:
        made.close()
