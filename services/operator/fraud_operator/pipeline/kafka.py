"""All that the operator has to do with Kafka, for one thread to call: nobody else waits for brokers."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import orjson
from confluent_kafka import KafkaException

from fraud_core.bundle_topic import BundleTopic, Place, is_kafka, place_of
from fraud_core.connect.board import Board, watched
from fraud_core.connect.records import WorkerStatus
from fraud_core.kafka import admin_client, end_offsets, partition_counts, reason, wait_until
from fraud_core.log import logger
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.topics import topics
from fraud_operator.pipeline.writer import Writer, writer
from fraud_operator.settings import OperatorSettings

log = logger(__name__)
ValueT = TypeVar("ValueT")
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Pipeline:
    """What Kafka says of the pipeline.

    Attributes:
        rollout: the latest.
        workers: fresh reports.
        partitions: of the input; None where there is no such topic.
        labels: records that were ever written to the labels' topic; None where its brokers don't say.
    """

    rollout: Rollout | None
    workers: tuple[WorkerStatus, ...]
    partitions: int | None
    labels: int | None


@dataclass
class Kafka:
    """The pipeline's topics; made by `opened`. Its methods wait for brokers."""

    settings: OperatorSettings
    board: Board
    writer: Writer
    _kept: dict[str, tuple[float, object]] = field(default_factory=dict)
    _known: int | None = None

    def read(self) -> Pipeline:
        """What there is at this moment, read to the end.

        Raises:
            FencedError: another operator has taken over.
            UnavailableError: Kafka can't be reached.
        """
        self.board.refresh()
        name = self.settings.pipeline
        self._attend(self.board.rollouts().get(name))
        counts = self._now_and_then("partitions", lambda: partition_counts(self.settings.kafka))
        names = topics(self.settings.topics)
        return Pipeline(
            rollout=self.board.rollouts().get(name),
            workers=tuple(self.board.workers(name)),
            partitions=counts.get(names.transactions.name),
            labels=self._now_and_then("labels", partial(self._labels, counts.get(names.labels.name, 0))),
        )

    def write(self, rollout: Rollout, after: int | None) -> bool:
        """Write a rollout, if the latest is of that generation; as `Writer.write`."""
        written = self.writer.write(rollout, after, self._latest)
        self._known = rollout.generation if written else self._known
        return written

    def _attend(self, rollout: Rollout | None) -> None:
        """One that this operator has not written may be of another one, which then has taken over."""
        generation = rollout.generation if rollout else 0
        if rollout and self._known not in {None, generation}:
            self.writer.check(rollout)
        self._known = generation

    def find(self, version: str) -> Mapping[str, BundleRef]:
        """The bundle of this version on the pipeline's own topic, if there is one.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        known = self._now_and_then("bundles", self._bundles)
        return {version: known[version]} if version in known else {}

    def delete(self, ref: BundleRef) -> None:
        """Delete a bundle that is in Kafka, unless the rollout of some pipeline names it.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        if is_kafka(ref.url) and not any(_names(one, ref) for one in self.board.rollouts().values()):
            BundleTopic(place_of(ref.url).topic, self.settings.kafka).delete(ref.sha256)
            log.info("bundle_deleted", version=ref.version)

    def _latest(self) -> Rollout | None:
        self.board.refresh()
        return self.board.rollouts().get(self.settings.pipeline)

    def _labels(self, partitions: int) -> int | None:
        name = topics(self.settings.topics).labels.name
        if not partitions:
            return None
        places = [(name, number) for number in range(partitions)]
        try:
            return sum(end_offsets(admin_client(self.settings.kafka), places, TIMEOUT_S).values())
        except KafkaException as error:
            log.warning("labels_not_counted", topic=name, reason=reason(error))
            return None

    def _bundles(self) -> dict[str, BundleRef]:
        topic = topics(self.settings.topics).models.name
        manifests = BundleTopic(topic, self.settings.kafka).manifests()
        versions = {
            digest: str(orjson.loads(content).get("version")) for digest, content in manifests.items()
        }
        return {
            version: BundleRef(version, Place(topic, digest).url, digest)
            for digest, version in versions.items()
        }

    def _now_and_then(self, name: str, ask: Callable[[], ValueT]) -> ValueT:
        """What was found a short while ago, or now."""
        asked, found = self._kept.get(name, (0.0, None))
        if not asked or time.monotonic() - asked > self.settings.reconcile.slow_s:
            found = ask()
            self._kept[name] = (time.monotonic(), found)
        return found  # type: ignore[return-value]


def _names(rollout: Rollout, ref: BundleRef) -> bool:
    named = (rollout.champion, rollout.challenger, rollout.previous)
    return ref.sha256 in {one.sha256 for one in named if one}


@contextmanager
def opened(settings: OperatorSettings, namespace: str) -> Iterator[Kafka]:
    """The pipeline's topics, once they were read to their ends; nothing may be concluded before.

    Raises:
        UnavailableError: Kafka or the registry can't be reached within `startup_timeout_s`.
        SchemaError: a schema is not registered.
    """
    only = writer(settings, namespace, settings.pipeline)
    registry = Registry(settings.schema_registry)
    with watched(settings, registry, lambda _: None, on_rollout=lambda _: None) as board:
        wait_until(board.refresh, settings)
        yield Kafka(settings, board, only)
