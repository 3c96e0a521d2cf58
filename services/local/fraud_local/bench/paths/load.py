"""Puts transactions on a topic at an even rate, encoded beforehand, until it is ended."""

import time
from itertools import cycle

from confluent_kafka import Producer

from fraud_core.avro import Encoder
from fraud_core.registry import Registry
from fraud_core.settings import SchemaRegistrySettings
from fraud_core.topics import Topic
from fraud_local.bench.task import Result, Task, main
from fraud_local.bench.workload import Workload

TICK_S = 0.001


def load(task: Task) -> Result:
    """Produce `records` transactions, `rate` a second; event time stands still, which features allow."""
    rate, ready = float(task.options["rate"]), cycle(_encoded(task))
    sink = Producer(
        {"bootstrap.servers": task.bootstrap_servers, "partitioner": "murmur2_random", "linger.ms": 0}
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


def _encoded(task: Task) -> list[tuple[str, bytes]]:
    registry = Registry(SchemaRegistrySettings(url=task.schema_registry_url))
    encoder = Encoder("Transaction", registry.id_of(Topic(task.source, "Transaction", 0, {})))
    pairs: list[tuple[str, bytes]] = []
    for frame in Workload(20_000, 10_000).chunks():
        pairs += zip(frame["user"].to_list(), encoder.encode(frame), strict=True)
    return pairs


if __name__ == "__main__":
    main(load)
