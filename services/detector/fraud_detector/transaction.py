"""Kafka transactions: outputs and consumed offsets are committed together, or not at all."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud_core.errors import FencedError, UnavailableError
from fraud_core.kafka import FENCED, PARTITIONER, Config, client_config, reason
from fraud_core.log import logger
from fraud_core.producers import producer
from fraud_core.topics import OUTPUT_SIZE_FACTOR, SNAPSHOT_BYTES
from fraud_detector.dead_letters import Headers
from fraud_detector.settings import DetectorSettings

log = logger(__name__)
CALL_TIMEOUT_S = 5.0
GIVEN_UP_S = CALL_TIMEOUT_S + 1
"""A call that has not returned by now ignores its timeout."""
QUEUE_WAIT_S = 0.05
BATCH_BYTES = 262_144
"""Of records that are sent at once, unless a topic takes less: the brokers hold its limit against batches."""
BY_KEY = -1
"""The partition that lets the key decide."""


class AbortNeededError(Exception):
    """The transaction cannot be committed; its partitions go back to their last committed state."""


@dataclass(frozen=True)
class Outputs:
    """Records to write, in columns: a Python object for each would cost more than to write it.

    Attributes:
        timestamps: Kafka timestamps in ms: the input records', as in Kafka Streams, so that whoever reads
            them sees how long the decision took; 0 is now.
    """

    topics: list[str]
    keys: list[str]
    values: list[bytes]
    timestamps: list[int]

    def only(self, wanted: list[bool]) -> "Outputs":
        """Those that are wanted."""
        return Outputs(*(list(compress(column, wanted)) for column in self._columns()))

    def rows(self) -> Iterator[tuple[str, bytes, str, int]]:
        """Topic, value, key and timestamp of each."""
        return zip(self.topics, self.values, self.keys, self.timestamps, strict=True)

    def _columns(self) -> tuple[list[Any], ...]:
        return (self.topics, self.keys, self.values, self.timestamps)


@dataclass(frozen=True)
class Output:
    """One record to write that is no decision.

    Attributes:
        timestamp: as in `Outputs`.
        headers: Connect's, on dead letters.
        partition: -1 lets the key decide.
    """

    topic: str
    key: bytes | str | None
    value: bytes | None
    timestamp: int = 0
    headers: Headers | None = None
    partition: int = BY_KEY


@dataclass
class Transactions:
    """The two transactional producers of one worker and the transaction that one has open, if any.

    They take turns, one transaction each. A commit returns once it is decided, while the brokers still write
    its markers, and until they have, the producer can't add partitions to its next transaction: librdkafka
    asks again only after 20 ms. The other producer meets no such transaction. There is never more than one
    open, and none begins before the last is decided, so the order of commits is that of the batches.

    Attributes:
        connect: registers a producer under one of the worker's transactional ids, 0 or 1, which aborts what
            an earlier one left open and fences that one.
        offsets: partition -> offset after the last record whose outputs are in the open transaction.
        metadata: goes with every committed offset.
    """

    connect: Callable[[int], Producer]
    producers: list[Producer]
    topic: str
    stop: threading.Event
    offsets: dict[int, int] = field(default_factory=dict)
    metadata: str = ""
    _group: Any = None
    _stuck: bool = False
    _turn: int = 0

    @property
    def producer(self) -> Producer:
        """The one whose turn it is."""
        return self.producers[self._turn]

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._group is not None

    def begin(self, consumer: Consumer) -> None:
        """Open a transaction and capture the group's metadata.

        Captured now and not at the commit: a worker that was put out of the group in between and joined
        again would otherwise commit records that another worker has decided meanwhile.
        """
        self._group = consumer.consumer_group_metadata()
        self._turn = (self._turn + 1) % len(self.producers)
        self._call(self.producer.begin_transaction)

    def write_decisions(self, decisions: Outputs) -> None:
        """Add the decisions of a batch; `write` must follow and say what they were made of."""
        produce = self.producer.produce
        for topic, value, key, timestamp in decisions.rows():
            try:
                # By place: naming the arguments costs a third more.
                produce(topic, value, key, BY_KEY, None, None, timestamp)
            except (BufferError, KafkaException):
                self._produce(Output(topic, key, value, timestamp))

    def write(self, outputs: Iterable[Output], offsets: dict[int, int]) -> None:
        """Add what else there is to write of a batch, and what all of it was made of."""
        self.offsets.update(offsets)
        for output in outputs:
            self._produce(output)
        self.producer.poll(0)

    def commit(self) -> None:
        """Commit outputs and offsets.

        Raises:
            AbortNeededError: the brokers refuse; `abort` must follow.
            FencedError: another worker has this transactional id.
        """
        offsets = [
            TopicPartition(self.topic, partition, offset, metadata=self.metadata)
            for partition, offset in self.offsets.items()
        ]
        send = partial(self.producer.send_offsets_to_transaction, offsets, self._group, CALL_TIMEOUT_S)
        self._call(lambda: self._returned(send))
        self._call(lambda: self.producer.commit_transaction(CALL_TIMEOUT_S))
        self._close()

    def abort(self) -> None:
        """Undo the open transaction; quietly nothing where there is none."""
        if self.is_open:
            try:
                self._undo()
            except AbortNeededError:
                log.warning("transaction_not_aborted", why="the broker will time it out")
            finally:
                self._close()

    def _undo(self) -> None:
        if not self._stuck:
            self._call(lambda: self.producer.abort_transaction(CALL_TIMEOUT_S))
            return
        while self._stuck:
            try:
                self.producers[self._turn] = self.connect(self._turn)
                self._stuck = False
            except UnavailableError as error:
                log.warning("producer_not_replaced", reason=str(error))
                if self.stop.is_set():
                    raise AbortNeededError(str(error)) from error

    def _close(self) -> None:
        self.offsets, self._group = {}, None

    def _produce(self, output: Output) -> None:
        while True:
            try:
                self.producer.produce(
                    output.topic, output.value, output.key, output.partition,
                    timestamp=output.timestamp, headers=output.headers,
                )  # fmt: skip
            except BufferError:
                self.producer.poll(QUEUE_WAIT_S)
            except KafkaException as error:
                raise _judged(error) from error
            else:
                return

    def _returned(self, request: Callable[[], object]) -> None:
        """Wait for a request that may never return.

        When a broker restarts, librdkafka may wait for ever for the group coordinator that it knew, whatever
        the timeout (librdkafka issues 5456 and 5511). The thread that waits is then left alone with its
        producer, which the next one fences.
        """
        done: Future[object] = Future()
        threading.Thread(target=_settle, args=(done, request), name="send-offsets", daemon=True).start()
        try:
            done.result(GIVEN_UP_S)
        except TimeoutError as error:
            self._stuck = True
            raise AbortNeededError("librdkafka does not return; another producer takes over") from error

    def _call(self, request: Callable[[], object]) -> None:
        """Repeat a request while only time is lacking; librdkafka resumes a timed-out call where it was."""
        while True:
            try:
                request()
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise _judged(error) from error
                log.warning("transaction_retried", reason=reason(error))
                if self.stop.is_set():
                    raise AbortNeededError(reason(error)) from error
            else:
                return


def _settle(done: Future[object], request: Callable[[], object]) -> None:
    try:
        done.set_result(request())
    except KafkaException as error:
        done.set_exception(error)


def _judged(error: KafkaException) -> Exception:
    fault = error.args[0]
    if fault.code() in FENCED:
        return FencedError(
            f"This worker was fenced ({reason(error)}): what it had open is not committed, and will be "
            "decided again."
        )
    if fault.fatal():
        return UnavailableError(
            f"The transactional producer failed for good: {reason(error)}. Start the worker again."
        )
    return AbortNeededError(reason(error))


def transactions(
    settings: DetectorSettings, limits: Mapping[str, int], stop: threading.Event
) -> Transactions:
    """Register the worker's transactional ids, which aborts what an earlier process of this name left open.

    `limits` says for each topic of outputs how many bytes it takes at once.

    Raises:
        ConfigError: librdkafka can't work with the settings.
        UnavailableError: no broker took the registration.
    """
    connect = partial(_registered, settings, min(BATCH_BYTES, *limits.values()))
    return Transactions(connect, [connect(0), connect(1)], settings.topics.transactions, stop)


def producer_config(
    settings: DetectorSettings, transactional_id: str, batch_bytes: int = BATCH_BYTES
) -> Config:
    """What the two producers share, but for their ids; they send at most so many bytes in a batch."""
    return {
        "linger.ms": 5,
        # For disks and networks: in time no difference was measured.
        "compression.type": "lz4",
        "batch.size": batch_bytes,
        "queue.buffering.max.messages": 1_000_000,
        **client_config(settings.kafka),
        "transactional.id": transactional_id,
        "transaction.timeout.ms": settings.group.transaction_timeout_ms,
        "partitioner": PARTITIONER,
        "message.max.bytes": max(OUTPUT_SIZE_FACTOR * settings.topics.max_message_bytes, SNAPSHOT_BYTES),
    }


def _registered(settings: DetectorSettings, batch_bytes: int, number: int) -> Producer:
    transactional_id = f"{settings.transactional_id}-{number}"
    registered = producer(producer_config(settings, transactional_id, batch_bytes))
    try:
        registered.init_transactions(30)
    except KafkaException as error:
        raise UnavailableError(
            f"The brokers did not accept the transactional id {transactional_id}: {reason(error)}."
        ) from error
    return registered
