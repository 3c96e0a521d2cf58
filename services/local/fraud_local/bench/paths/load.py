"""Puts transactions on a topic at an even rate, encoded beforehand, until it is ended."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle

import polars as pl
from confluent_kafka import Producer

from fraud_core.avro import Encoder
from fraud_core.registry import Registry
from fraud_core.settings import SchemaRegistrySettings
from fraud_core.topics import Topic
from fraud_local.bench.task import Result, Task, main
from fraud_local.bench.workload import Workload

TICK_S = 0.001
MANY, LINGER_MS = 5_000, 5
"""From so many a second on they are sent together: a request for each keeps the broker from all else."""


def load(task: Task) -> Result:
    """Produce `records` transactions, `rate` a second."""
    rate = float(task.options["rate"])
    ready = cycle(_encoded(task, rate))
    sink = Producer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "partitioner": "murmur2_random",
            "linger.ms": 0 if rate < MANY else LINGER_MS,
        }
    )
    began, sent = time.perf_counter(), 0
    while sent < task.records:
        due = min(int((time.perf_counter() - began) * rate), task.records)
        for _ in range(due - sent):
            key, value = next(ready)
            sink.produce(task.source, value, key)
        sent = due
        sink.poll(TICK_S)
    sink.flush()
    return Result(seconds=time.perf_counter() - began)


def _encoded(task: Task, rate: float) -> list[tuple[str, bytes]]:
    registry = Registry(SchemaRegistrySettings(url=task.schema_registry_url))
    encoder = Encoder("Transaction", registry.id_of(Topic(task.source, "Transaction", 0, {})))
    pairs: list[tuple[str, bytes]] = []
    for frame in _live(rate):
        pairs += zip(frame["user"].to_list(), encoder.encode(frame), strict=True)
    return pairs


def _live(rate: float) -> Iterator[pl.DataFrame]:
    """Event time goes with the clock, as in life, until the transactions begin anew: then a little back."""
    begin = datetime.now(UTC).replace(tzinfo=None)
    for frame in Workload(20_000, 10_000).chunks():
        since = pl.duration(microseconds=(pl.int_range(pl.len()) * (1_000_000 / rate)).cast(pl.Int64))
        yield frame.with_columns((pl.lit(begin) + since).cast(pl.Datetime("ms")).alias("timestamp"))


if __name__ == "__main__":
    main(load)
