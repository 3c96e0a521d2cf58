"""What all workers report and what pipelines shall do: two topics, read to their ends and kept up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from fraud_core.avro.record import decode_record
from fraud_core.connect.records import Target, TargetState, WorkerStatus
from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import admin_client, client_config, end_offsets, reason
from fraud_core.log import logger
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings
from fraud_core.topics import Topics, topics

log = logger(__name__)
POLL_S = 0.2
ASK_S = 2.0
CAUGHT_UP_S = 2.0
RETRY_S = 1.0

OnTarget = Callable[[TargetState], None]
OnReport = Callable[[str, WorkerStatus | None], None]


@dataclass
class Board:
    """The latest reports and targets, by key.

    Made by `watched`. A thread of its own fills it; every method may be called from any thread.
    """

    names: Topics
    registry: Registry
    consumer: Consumer
    admin: AdminClient
    bootstrap_servers: str
    on_target: OnTarget
    on_report: OnReport
    _workers: dict[str, WorkerStatus] = field(default_factory=dict)
    _targets: dict[str, TargetState] = field(default_factory=dict)
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
    def _topics(self) -> tuple[str, str]:
        return self.names.status.name, self.names.target_states.name

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
            if message is not None and message.error() is None:
                self._take(message)
            self._note_positions()
        self.consumer.close()

    def _note_positions(self) -> None:
        """Positions and not offsets: a compacted log ends after its last record."""
        places = self.consumer.position([TopicPartition(name, 0) for name in self._topics])
        with self._moved:
            self._positions |= {place.topic: max(place.offset, 0) for place in places}
            self._moved.notify_all()

    def _take(self, message: Message) -> None:
        while not self._stop.is_set():
            try:
                self._keep(message)
            except (ConfigError, UnavailableError) as error:  # a password may change while this runs
                log.warning("waiting", reason=str(error))
                self._stop.wait(RETRY_S)
            except ValueError as error:
                log.warning(
                    "not_understood", topic=message.topic(), offset=message.offset(), reason=str(error)
                )
                return
            else:
                return

    def _keep(self, message: Message) -> None:
        key, value = bytes(message.key() or b"").decode(errors="replace"), message.value()
        status = message.topic() == self.names.status.name
        if value is None:
            (self._workers if status else self._targets).pop(key, None)
            if status:
                self.on_report(key, None)
        elif status:
            report = WorkerStatus.of(decode_record("WorkerStatus", value, self.registry))
            self._workers[key] = report
            self.on_report(key, report)
        else:
            target = TargetState.of(decode_record("TargetState", value, self.registry))
            self._targets[key] = target
            self.on_target(target)


@contextmanager
def watched(
    settings: CoreSettings, registry: Registry, on_target: OnTarget, on_report: OnReport = lambda *_: None
) -> Iterator[Board]:
    """A board that reads from the topics' beginnings.

    `on_target` is told every target and `on_report` every report or its removal, by worker, old ones first.
    """
    consumer = Consumer(
        {
            **client_config(settings.kafka),
            "group.id": "fraudstream-board",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 200,
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
    )
    board.start()
    try:
        yield board
    finally:
        board.close()
