"""The detector's own features, rules and scores over batches, but Avro record by record with fastavro."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fastavro
import pyarrow as pa
from confluent_kafka import Message, Producer

from fraud_core.avro.types import arrow_type
from fraud_core.features import State
from fraud_core.models import fetch_bundle
from fraud_core.rules import load_rules
from fraud_core.schemas import schema
from fraud_detector.deciding import Decider, Decisions
from fraud_detector.reading import Read
from fraud_detector.records import group
from fraud_local.bench.paths.clients import Clock, Commits, arrived, consumer, transactional_producer
from fraud_local.bench.task import Result, Task, main

HEADER = 5


@dataclass(frozen=True)
class _Schemas:
    transaction: Any
    decision: Any


def record_by_record(task: Task) -> Result:
    """Decide every record."""
    decider = Decider(load_rules(None), fetch_bundle(task.model_url, task.model_sha256), "bench")
    decider.warm_up()
    schemas = _Schemas(
        fastavro.parse_schema(schema("Transaction")), fastavro.parse_schema(schema("Decision"))
    )
    sink = transactional_producer(task)
    source = consumer(task)
    clock, commits, states = Clock(task.broker_pid), Commits(source, [sink]), _States()
    while clock.records < task.records:
        messages = arrived(source)
        clock.saw(len(messages))
        if messages:
            decisions = decider.decide(_read(messages, schemas.transaction), states)
            _produce(commits.opened(), decisions, schemas.decision, task)
        commits.at_times(len(messages))
    commits.at_times(0)
    result = clock.result()
    source.close()
    return result


class _States(dict[int, State]):
    def __missing__(self, partition: int) -> State:
        return self.setdefault(partition, State())


def _read(messages: list[Message], transaction: Any) -> Read:  # noqa: ANN401 - fastavro's parsed schema
    records = group(messages)
    rows = [_decoded(message, transaction) for message in records.messages]
    return Read(records, pa.RecordBatch.from_pylist(rows, schema=arrow_type("Transaction")), ())


def _decoded(message: Message, transaction: Any) -> dict[str, Any]:  # noqa: ANN401 - fastavro's parsed schema
    body = io.BytesIO((message.value() or b"")[HEADER:])
    row = fastavro.schemaless_reader(body, transaction, None)
    assert isinstance(row, dict)  # noqa: S101 - the schema is a record
    return {
        key: value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value for key, value in row.items()
    }


def _produce(sink: Producer, decisions: Decisions, decision: Any, task: Task) -> None:  # noqa: ANN401 - fastavro's
    rows = decisions.batch.to_pylist()
    for row, value in zip(rows, _encoded(rows, decision), strict=True):
        sink.produce(task.alerts if row["fraudulent"] else task.classified, value, row["user"])
    sink.poll(0)


def _encoded(rows: list[dict[str, Any]], decision: Any) -> Iterator[bytes]:  # noqa: ANN401 - fastavro's
    for row in rows:
        row |= {name: dict(row[name]) for name in ("challenger_scores", "signals")}
        body = io.BytesIO()
        body.write(b"\0\0\0\0\1")
        fastavro.schemaless_writer(body, decision, row)
        yield body.getvalue()


if __name__ == "__main__":
    main(record_by_record)
