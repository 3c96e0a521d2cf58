"""Records of writers whose schema is not ours, older or newer."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import pyarrow as pa

from fraud_core.avro.faults import TOO_LONG, NotAvroError, in_words
from fraud_core.avro.matching import Matched, matched
from fraud_core.avro.types import arrow_type, unqualified
from fraud_core.schemas import schema

AS_NUMBERS_AND_TEXTS = {"uuid", "timestamp-millis"}
"""Logical types of which fastavro would make objects, and our fields take what is written."""


@dataclass(frozen=True)
class Evolved:
    """One writer's schema, beside ours.

    Attributes:
        name: of our schema.
        fault: why none of its records can be read; empty where they may be.
        written: its schema, as fastavro has it.
        matched: how its records are decoded in columns; None where that is not possible.
    """

    name: str
    fault: str = ""
    written: Any = None
    matched: Matched | None = None

    def row(self, body: bytes) -> dict[str, Any]:
        """One record, as Avro resolves it.

        Raises:
            Exception: whatever a bad byte leads to.
        """
        stream = io.BytesIO(body)
        row = fastavro.schemaless_reader(stream, self.written, _parsed(self.name))
        if stream.tell() != len(body):
            raise NotAvroError(TOO_LONG)
        assert isinstance(row, dict)  # noqa: S101 - the schema is a record
        return {
            key: value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value
            for key, value in row.items()
        }

    def alone(self, body: bytes, _: ValueError) -> pa.RecordBatch | Exception:
        """One record that could not be decoded in columns, or what is wrong with it."""
        try:
            return columns([self.row(body)], self.name)
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever a bad byte leads to
            return in_words(error)


@cache
def evolved(writer: str, name: str) -> Evolved:
    """The writer's schema, looked at once."""
    try:
        return _looked_at(json.loads(writer), name)
    except Exception as error:  # noqa: BLE001 - whatever a text that is no schema leads to
        return Evolved(name, f"The writer's schema can't be used ({type(error).__name__}: {error}).")


def _looked_at(writer: Any, name: str) -> Evolved:  # noqa: ANN401 - JSON
    written = fastavro.parse_schema(_without_objects(writer))
    if not isinstance(writer, dict) or writer.get("type") != "record":
        return Evolved(name, written=written)
    theirs, ours = unqualified(writer["name"]), schema(name)["name"]
    if theirs != ours:
        return Evolved(name, f"The writer's record is {theirs}, not {ours}.")
    return Evolved(name, written=written, matched=matched(writer, name))


def columns(rows: Sequence[Mapping[str, Any]], name: str) -> pa.RecordBatch:
    """Rows as columns of `schemas/<name>.avsc`.

    Raises:
        Exception: a value is not of its column's type; which one Arrow raises depends on the value.
    """
    return pa.RecordBatch.from_pylist(list(rows), schema=arrow_type(name))


@cache
def _parsed(name: str) -> Any:  # noqa: ANN401 - fastavro's schemas
    return fastavro.parse_schema(schema(name))


def _without_objects(node: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {
            key: _without_objects(value)
            for key, value in node.items()
            if key != "logicalType" or value not in AS_NUMBERS_AND_TEXTS
        }
    return [_without_objects(item) for item in node] if isinstance(node, list) else node
