"""Writes reports and targets, one record at a time, and says when it could not."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaException, Producer

from fraud_core.avro.record import encode_record
from fraud_core.connect.records import TargetState, WorkerStatus
from fraud_core.errors import UnavailableError
from fraud_core.kafka import Config, client_config, wait_until
from fraud_core.log import logger
from fraud_core.producers import producer
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings, KafkaSettings
from fraud_core.topics import topics

log = logger(__name__)
DELIVERY_S = 5.0
INTERVAL_S = 3.0


@dataclass(frozen=True)
class Pen:
    """Writes records of one schema to one topic; made by `pens`."""

    producer: Producer
    topic: str
    schema: str
    schema_id: int
    bootstrap_servers: str

    def write(self, key: str, record: dict[str, object] | None) -> None:
        """Write the record, or a tombstone, and wait until the brokers have it.

        Raises:
            UnavailableError: they did not take it in time.
        """
        value = None if record is None else encode_record(self.schema, self.schema_id, record)
        failed: list[str] = []
        try:
            self.producer.produce(
                self.topic,
                value,
                key,
                on_delivery=lambda error, _: failed.append(str(error)) if error else None,
            )
            left = self.producer.flush(DELIVERY_S + 1)
        except (KafkaException, BufferError) as error:
            raise UnavailableError(f"{self.topic} could not be written: {error}.") from error
        if left or failed:
            raise UnavailableError(
                f"{self.topic} could not be written at {self.bootstrap_servers} within {DELIVERY_S:.0f} s"
                f"{': ' + failed[0] if failed else ''}. Is Kafka running?"
            )


def pens(settings: CoreSettings, registry: Registry, stop: threading.Event | None = None) -> tuple[Pen, Pen]:
    """Writers of `fraud_status` and `fraud_target_states`.

    Raises:
        UnavailableError: the registry can't be reached within `startup_timeout_s`.
        SchemaError: a schema is not registered.
    """
    names = topics(settings.topics)
    config = producer_config(settings.kafka)

    def pen(name: str) -> Pen:
        topic = names.status if name == "WorkerStatus" else names.target_states
        schema_id = wait_until(partial(registry.id_of, topic), settings, stop)
        return Pen(producer(config), topic.name, name, schema_id, settings.kafka.bootstrap_servers)

    return pen("WorkerStatus"), pen("TargetState")


def producer_config(settings: KafkaSettings) -> Config:
    """What people set wins over how long a record may take; nobody waits for one longer for that."""
    return {
        "linger.ms": 0,
        "delivery.timeout.ms": int(DELIVERY_S * 1000),
        **client_config(settings),
        "enable.idempotence": True,
    }


def write_target(pen: Pen, target: TargetState) -> None:
    """Tell a pipeline what to do.

    Raises:
        UnavailableError: Kafka did not take it.
    """
    pen.write(target.key, dict(vars(target)))


class Reporter:
    """A thread that reports every few seconds, and at once when something has changed."""

    def __init__(
        self, pen: Pen, describe: Callable[[], WorkerStatus], interval_s: float = INTERVAL_S
    ) -> None:
        """`describe` is asked for a report in the reporter's thread."""
        self._pen, self._describe, self._interval_s = pen, describe, interval_s
        self._changed, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def changed(self) -> None:
        """Report soon."""
        self._changed.set()

    def close(self, *, take_back: bool = True) -> None:
        """Take the report back: a worker that ended in order holds nothing.

        Not where another process reports under the same name: that would take back its report.
        """
        self._stop.set()
        self._changed.set()
        self._thread.join(DELIVERY_S * 2)
        if take_back:
            self._try(lambda: self._pen.write(self._describe().worker, None))

    def _run(self) -> None:
        while not self._stop.is_set():
            self._changed.clear()
            status = self._describe()
            self._try(lambda: self._pen.write(status.worker, status.to_record()))  # noqa: B023 - called at once
            self._changed.wait(self._interval_s)

    @staticmethod
    def _try(write: Callable[[], None]) -> None:
        try:
            write()
        except UnavailableError as error:
            log.warning("not_reported", reason=str(error))
