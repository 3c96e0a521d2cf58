"""Transactions of a producer that is newer than the detector."""

import io
import json
from contextlib import closing

import fastavro
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from fraud_core.schemas import schema
from tests.support.pipeline import Pipeline, transactions


def evolved_values(pipeline: Pipeline, first: int, last: int) -> list[tuple[str | None, bytes | None]]:
    """Transactions of a newer writer, under a schema id that the detector has not seen."""
    newer = schema("Transaction")
    newer["fields"].append({"name": "channel", "type": ["null", "string"], "default": None})
    with closing(SchemaRegistryClient({"url": pipeline.settings.schema_registry.url})) as client:
        schema_id = client.register_schema(
            pipeline.topics.transactions.subject, Schema(json.dumps(newer), "AVRO")
        )
    frame = transactions(first, last)
    values: list[tuple[str | None, bytes | None]] = []
    for row in frame.to_dicts():
        stream = io.BytesIO()
        stream.write(b"\0" + schema_id.to_bytes(4, "big"))
        fastavro.schemaless_writer(stream, fastavro.parse_schema(newer), row)
        values.append((row["user"], stream.getvalue()))
    return values
