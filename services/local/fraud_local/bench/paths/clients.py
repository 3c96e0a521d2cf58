"""Kafka clients as fast as they go, the same for every path of ours, and the clock around a path's work."""

import time
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Message, Producer

from fraud_core.polling import polled
from fraud_local.bench.task import Result, Spent, Task

BATCH = 5_000
COMMIT_S = 0.1
"""The detector's own default."""
WAIT_S = 0.05


def consumer(task: Task) -> Consumer:
    """A consumer as the detector's; made last, as it begins to fetch at once."""
    made = Consumer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "group.id": f"{task.prefix}group",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "queued.min.messages": 100_000,
            "fetch.queue.backoff.ms": 20,
            # More than the detector, which keeps partitions together in event time: a limit has no such care.
            "fetch.message.max.bytes": 2_097_152,
        }
    )
    made.subscribe([task.source])
    return made


def transactional_producer(task: Task, number: int = 0) -> Producer:
    """A producer with the detector's settings."""
    made = Producer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "transactional.id": f"{task.prefix}path-{number}",
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "compression.type": "lz4",
            "batch.size": 262_144,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    made.init_transactions(30)
    return made


def arrived(source: Consumer) -> list[Message]:
    """What is there, or what comes first."""
    return [message for message in polled(source, BATCH, WAIT_S) if message.error() is None]


class Clock:
    """Runs from the poll that brought the first record."""

    def __init__(self, broker_pid: int | None = None) -> None:
        """Starts at once."""
        self._broker_pid = broker_pid
        self._began = Spent.now(broker_pid)
        self.records = 0

    def saw(self, count: int) -> None:
        """Records came; until the first did, the clock starts anew."""
        if not self.records and not count:
            self._began = Spent.now(self._broker_pid)
        self.records += count

    def result(self) -> Result:
        """What was spent until now."""
        return Spent.now(self._broker_pid).since(self._began)


@dataclass
class Commits:
    """Commits outputs and offsets, and opens the next transaction; several producers take turns."""

    source: Consumer
    producers: list[Producer]
    last: float = field(default_factory=time.perf_counter)
    began: bool = False

    def opened(self) -> Producer:
        """The producer of the open transaction, which begins if there is none."""
        if not self.began:
            self.producers[0].begin_transaction()
            self.began = True
        return self.producers[0]

    def at_times(self, polled: int = BATCH) -> None:
        """Commit if the interval is over or the input ran dry."""
        if self.began and (polled < BATCH or time.perf_counter() - self.last >= COMMIT_S):
            self.commit()

    def commit(self) -> None:
        """Commit now. One member that nobody disturbs: its position is what it has written."""
        places = [place for place in self.source.position(self.source.assignment()) if place.offset >= 0]
        sink = self.opened()
        sink.send_offsets_to_transaction(places, self.source.consumer_group_metadata())
        sink.commit_transaction()
        self.began = False
        self.producers.append(self.producers.pop(0))
        self.last = time.perf_counter()
