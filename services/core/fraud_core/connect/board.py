"""What all workers report and what pipelines shall do: topics that are read to their ends and kept up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from fraud_core.avro.record import decode_record
from fraud_core.connect.records import Target, TargetState, WorkerStatus
from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import admin_client, client_config, end_offsets, reason
from fraud_core.log import logger
from fraud_core.polling import is_end, key_of
from fraud_core.registry import Registry
from fraud_core.rollouts import Rollout
from fraud_core.settings import CoreSettings
from fraud_core.topics import Topics, topics

log = logger(__name__)
POLL_S = 0.2
ASK_S = 2.0
CAUGHT_UP_S = 2.0
RETRY_S = 1.0

RecordT = TypeVar("RecordT")
OnTarget = Callable[[TargetState], None]
OnReport = Callable[[str, WorkerStatus | None], None]
OnRollout = Callable[[Rollout], None]


@dataclass
class Board:
    """The latest reports, targets and, where somebody wants to be told them, rollouts, by key.

    Made by `watched`. A thread of its own fills it; every method may be called from any thread.
    """

    names: Topics
    registry: Registry
    consumer: Consumer
    admin: AdminClient
    bootstrap_servers: str
    on_target: OnTarget
    on_report: OnReport
    on_rollout: OnRollout | None = None
    _workers: dict[str, WorkerStatus] = field(default_factory=dict)
    _targets: dict[str, TargetState] = field(default_factory=dict)
    _rollouts: dict[str, Rollout] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)
    _moved: threading.Condition = field(default_factory=threading.Condition)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread:
            self._thread.join(ASK_S * 2)

    def workers(self, pipeline: str | None = None) -> list[WorkerStatus]:
        """Fresh reports, by worker; of one pipeline or of all."""
        now = datetime.now(UTC)
        return sorted(
            (
                status
                for status in list(self._workers.values())
                if status.is_fresh(now) and pipeline in {None, status.pipeline}
            ),
            key=lambda status: status.worker,
        )

    def target(self, pipeline: str) -> Target:
        """What the pipeline shall do; running where nobody has said."""
        found = self._targets.get(f"{pipeline}/state")
        return found.target if found else Target.RUNNING

    def rollouts(self) -> dict[str, Rollout]:
        """The latest rollout of each pipeline."""
        return dict(self._rollouts)

    def refresh(self) -> None:
        """Return when all that was on the topics at the time of this call has been read.

        Raises:
            UnavailableError: Kafka can't be reached, or the reading does not keep up.
        """
        ends = self._ends()
        with self._moved:
            done = self._moved.wait_for(
                lambda: all(self._positions.get(name, 0) >= end for name, end in ends.items()), CAUGHT_UP_S
            )
        if not done:
            raise UnavailableError("The workers' reports could not be read to their end in time; try again.")

    def cluster_id(self) -> str:
        """The Kafka cluster's id.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        try:
            return str(self.admin.list_topics(self.names.status.name, ASK_S).cluster_id)
        except KafkaException as error:
            raise UnavailableError(self._out_of_reach(error)) from error

    @property
    def _topics(self) -> tuple[str, ...]:
        always = (self.names.status.name, self.names.target_states.name)
        return (*always, self.names.rollouts.name) if self.on_rollout else always

    def _ends(self) -> dict[str, int]:
        """Where the topics end now; asked by a client of its own, as the consumer belongs to its thread."""
        try:
            ends = end_offsets(self.admin, [(name, 0) for name in self._topics], ASK_S)
            return {topic: end for (topic, _), end in ends.items()}
        except KafkaException as error:
            raise UnavailableError(self._out_of_reach(error)) from error

    def _out_of_reach(self, error: KafkaException) -> str:
        return f"Kafka can't be reached at {self.bootstrap_servers} ({reason(error)})."

    def _run(self) -> None:
        self.consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING) for name in self._topics])
        while not self._stop.is_set():
            message = self.consumer.poll(POLL_S)
            if message is None:
                continue
            if message.error() is None:
                self._take(message)
            self._note_position(message)
        self.consumer.close()

    def _note_position(self, message: Message) -> None:
        """A log may end with the marker of a transaction, which is no record: then its end is told."""
        error, topic, offset = message.error(), message.topic() or "", message.offset() or 0
        if error is not None and not is_end(error):
            return
        with self._moved:
            self._positions[topic] = offset if error else offset + 1
            self._moved.notify_all()

    def _take(self, message: Message) -> None:
        while not self._stop.is_set():
            try:
                self._keep(message)
            except (ConfigError, UnavailableError) as error:  # a password may change while this runs
                log.warning("waiting", reason=str(error))
                self._stop.wait(RETRY_S)
            except Exception as error:  # noqa: BLE001 - no record may end the thread that reads the others
                log.warning(
                    "not_understood", topic=message.topic(), offset=message.offset(), reason=str(error)
                )
                return
            else:
                return

    def _keep(self, message: Message) -> None:
        key, value = key_of(message), message.value()
        topic = message.topic()
        if topic == self.names.status.name:
            self.on_report(key, _put(self._workers, key, value, self._status))
        elif topic == self.names.target_states.name:
            if target := _put(self._targets, key, value, self._target):
                self.on_target(target)
        elif (rollout := _put(self._rollouts, key, value, self._rollout)) and self.on_rollout:
            self.on_rollout(rollout)

    def _status(self, value: bytes) -> WorkerStatus:
        return WorkerStatus.of(decode_record("WorkerStatus", value, self.registry))

    def _target(self, value: bytes) -> TargetState:
        return TargetState.of(decode_record("TargetState", value, self.registry))

    def _rollout(self, value: bytes) -> Rollout:
        return Rollout.of(decode_record("Rollout", value, self.registry))


def _put(
    known: dict[str, RecordT], key: str, value: bytes | None, decode: Callable[[bytes], RecordT]
) -> RecordT | None:
    """Take in a record; None is a tombstone."""
    if value is None:
        known.pop(key, None)
        return None
    known[key] = decode(value)
    return known[key]


@contextmanager
def watched(
    settings: CoreSettings,
    registry: Registry,
    on_target: OnTarget,
    on_report: OnReport = lambda *_: None,
    on_rollout: OnRollout | None = None,
) -> Iterator[Board]:
    """A board that reads from the topics' beginnings.

    Args:
        settings: where the topics are.
        registry: has their schemas.
        on_target: is told every target, old ones first.
        on_report: is told every report or its removal, by worker, old ones first.
        on_rollout: is told every rollout, old ones first; without it they are not read.
    """
    consumer = Consumer(
        {
            "fetch.wait.max.ms": 200,
            **client_config(settings.kafka),
            "group.id": "fraudstream-board",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    board = Board(
        topics(settings.topics),
        registry,
        consumer,
        admin_client(settings.kafka),
        settings.kafka.bootstrap_servers,
        on_target,
        on_report,
        on_rollout,
    )
    board.start()
    try:
        yield board
    finally:
        board.close()
