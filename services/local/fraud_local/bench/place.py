"""Where a bench runs: a broker with filled input topics, fresh outputs for every run, and a count of them."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
from confluent_kafka import Consumer, Producer, TopicPartition

from fraud_core.avro import Encoder
from fraud_core.errors import UnavailableError
from fraud_core.kafka import PARTITIONER, admin_client, client_config
from fraud_core.models import PublishedBundle
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings, load_settings
from fraud_core.setup import setup
from fraud_core.topics import topics
from fraud_local.bench.task import Task
from fraud_local.stack import Addresses, running

PARTITIONS = 6
PATIENCE_S = 60.0
LOOK_S = 0.1


@dataclass(frozen=True)
class Broker:
    """The broker of a bench.

    Attributes:
        pid: of an embedded one, so that its work can be measured; None of another.
    """

    addresses: Addresses
    pid: int | None = None


@contextmanager
def on_a_broker(bootstrap_servers: str | None, schema_registry_url: str | None) -> Iterator[Broker]:
    """The one that was named, or that of an embedded stack that lives as long as the block."""
    if bootstrap_servers and schema_registry_url:
        yield Broker(Addresses(bootstrap_servers, schema_registry_url))
        return
    with running(ephemeral=True, broker_port=0, registry_port=0) as stack:
        yield Broker(stack.addresses, stack.broker.pid)


@dataclass(frozen=True)
class Place:
    """One bench's corner of a broker; the bundle is what the paths decide with."""

    broker: Broker
    bundle: PublishedBundle | None
    name: str

    @property
    def addresses(self) -> Addresses:
        """Where it is reached."""
        return self.broker.addresses

    def settings(self, source: str, prefix: str) -> CoreSettings:
        """For the set-up of a run."""
        return load_settings(
            CoreSettings,
            kafka={"bootstrap_servers": self.addresses.bootstrap_servers},
            schema_registry={"url": self.addresses.schema_registry_url},
            topics={"transactions": source, "prefix": prefix, "partitions": PARTITIONS},
        )

    @contextmanager
    def task(self, source: str, records: int, options: dict[str, str] | None = None) -> Iterator[Task]:
        """A run's task; its output topics are made before and deleted after."""
        assert self.bundle is not None  # noqa: S101 - who runs paths trains a model first
        prefix = f"{self.name}.{uuid.uuid4().hex[:8]}."
        settings = self.settings(source, prefix)
        setup(settings)
        try:
            yield Task(
                bootstrap_servers=self.addresses.bootstrap_servers,
                schema_registry_url=self.addresses.schema_registry_url,
                source=source,
                prefix=prefix,
                records=records,
                model_url=self.bundle.url,
                model_sha256=self.bundle.sha256,
                options=options or {},
                broker_pid=self.broker.pid,
            )
        finally:
            outputs = [topic.name for topic in topics(settings.topics).all() if topic.name != source]
            admin = admin_client(settings.kafka)
            for deleted in admin.delete_topics(outputs).values():
                deleted.result(PATIENCE_S)

    def fill(self, kind: str, frames: Iterable[pl.DataFrame], *, as_json: bool = False) -> str:
        """Put transactions on an input topic of their own, keyed by user; gives the topic's name."""
        topic = f"{self.name}.{kind}"
        settings = self.settings(topic, f"{self.name}.")
        setup(settings)
        encoder = Encoder(
            "Transaction", Registry(settings.schema_registry).id_of(topics(settings.topics).transactions)
        )
        producer = Producer(
            {
                **client_config(settings.kafka),
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
                "linger.ms": 20,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        for frame in frames:
            values = _json(frame) if as_json else encoder.encode(frame)
            for key, value in zip(frame["user"].to_list(), values, strict=True):
                producer.produce(topic, value, key)
            producer.flush(PATIENCE_S)
        return topic


def _json(frame: pl.DataFrame) -> list[bytes]:
    return [json.dumps(row, default=str).encode() for row in frame.iter_rows(named=True)]


def beginnings(reader: Consumer, *names: str) -> list[TopicPartition]:
    """Where every partition of the topics begins; a busy broker tells of a new topic only after a moment.

    Raises:
        UnavailableError: it did not in a minute.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        known = reader.list_topics(timeout=PATIENCE_S).topics
        if all(name in known and known[name].partitions for name in names):
            return [TopicPartition(name, number, 0) for name in names for number in known[name].partitions]
        if time.monotonic() > deadline:
            raise UnavailableError(f"The broker knew not all of {', '.join(names)} after {PATIENCE_S:.0f} s.")
        time.sleep(LOOK_S)


def committed_outputs(task: Task) -> int:
    """How many decisions a reader of committed records finds.

    Raises:
        UnavailableError: fewer than the task's records came in a minute.
    """
    reader = Consumer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "group.id": f"{task.prefix}count",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        places = beginnings(reader, task.alerts, task.classified)
        reader.assign(places)
        return _counted(reader, len(places), task)
    finally:
        reader.close()


def _counted(reader: Consumer, partitions: int, task: Task) -> int:
    """Records up to the end of each partition."""
    count, ended, deadline = 0, set[tuple[str | None, int | None]](), time.monotonic() + PATIENCE_S
    while len(ended) < partitions:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"Only {count} of {task.records} decisions were there after {PATIENCE_S} s."
            )
        for message in reader.consume(10_000, 0.2):
            if message.error() is None:
                count += 1
            else:
                ended.add((message.topic(), message.partition()))
    return count
