"""Decodes values in batches; a bad one is found, judged and set aside without stopping the others.

pyruhvro decodes a whole batch at once, twenty times faster than record by record, but it fails as a whole,
lets invalid UTF-8 pass and overlooks bytes after the record. So its result is checked, and where something
is wrong the batch is halved until the culprit is alone; fastavro then words the fault.
"""

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyruhvro

from fraud_core.avro.lengths import encoded_lengths
from fraud_core.avro.types import arrow_type, enum_fields, same_record
from fraud_core.avro.writers import Writers
from fraud_core.errors import SchemaError
from fraud_core.registry import Registry
from fraud_core.schemas import schema, schema_text

HEADER = 5
MAGIC = 0
Fault = Exception
Places = Sequence[int]


@dataclass(frozen=True)
class Rejected:
    """A value that is no valid record: its place in the batch, and why."""

    index: int
    error: Fault


@dataclass(frozen=True)
class Decoded:
    """What became of a batch of values.

    Attributes:
        batch: the valid records, in the order in which they came.
        index: for each of these its place among the values.
        rejected: the others.
    """

    batch: pa.RecordBatch
    index: np.ndarray[Any, np.dtype[np.int64]]
    rejected: tuple[Rejected, ...]


class NotAvroError(ValueError):
    """A value is not in Confluent's wire format."""


class Decoder:
    """Decodes values of one topic into the columns of `schemas/<name>.avsc`, whatever ids they carry."""

    def __init__(self, name: str, registry: Registry, ask_s: float = math.inf) -> None:
        """Writer schemas are fetched from the registry when first met, and kept.

        `ask_s` is for how long one call asks at most.
        """
        self._name = name
        self._writers = Writers(registry, ask_s)

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """Decode the values; none is lost: each is a row of the batch or rejected.

        Raises:
            UnavailableError: the registry had to be asked for a schema id and can't be reached.
            UnfinishedError: it had to be asked for more ids than it answered in time. What it answered is
                kept, so that the same values are decoded after some calls.
        """
        by_id, rejected = _group(values)
        parts: list[tuple[Places, pa.RecordBatch]] = []
        writers = self._writers.of(by_id)
        for schema_id, places in by_id.items():
            writer = writers[schema_id]
            if isinstance(writer, SchemaError):
                rejected += [Rejected(place, writer) for place in places]
            else:
                parts += self._decode_alike(values, places, writer, rejected)
        return _in_order(parts, rejected, self._name)

    def _decode_alike(
        self, values: Sequence[bytes | None], places: Places, writer: str, rejected: list[Rejected]
    ) -> list[tuple[Places, pa.RecordBatch]]:
        bodies = [(values[place] or b"")[HEADER:] for place in places]
        if not same_record(writer, self._name):
            return self._decode_evolved(bodies, places, writer, rejected)
        return _halve(bodies, places, self._name, rejected)

    def _decode_evolved(
        self, bodies: list[bytes], places: Places, writer: str, rejected: list[Rejected]
    ) -> list[tuple[Places, pa.RecordBatch]]:
        """Records of an older or newer writer: fastavro resolves them, one by one."""
        reader = fastavro.parse_schema(schema(self._name))
        try:
            written = fastavro.parse_schema(_texts(json.loads(writer)))
        except Exception as error:  # noqa: BLE001 - whatever a text that is no schema leads to
            rejected += [Rejected(place, _unusable(error)) for place in places]
            return []
        rows, kept = [], []
        for place, body in zip(places, bodies, strict=True):
            try:
                rows.append(_resolve(body, written, reader))
                kept.append(place)
            except Exception as error:  # noqa: BLE001 - fastavro raises whatever a bad byte leads to
                rejected.append(Rejected(place, error))
        return _in_columns(rows, kept, self._name, rejected)


def _group(values: Sequence[bytes | None]) -> tuple[Mapping[int, Places], list[Rejected]]:
    heads = {value[:HEADER] if value else value for value in values}
    if len(heads) == 1 and (head := heads.pop()) and len(head) == HEADER and head[0] == MAGIC:
        return {_schema_id(head): range(len(values))}, []
    return _sorted_out(values)


def _sorted_out(values: Sequence[bytes | None]) -> tuple[Mapping[int, Places], list[Rejected]]:
    by_id: dict[int, list[int]] = {}
    rejected = []
    for place, value in enumerate(values):
        if value is None:
            rejected.append(Rejected(place, NotAvroError("The value is null (a tombstone).")))
        elif len(value) < HEADER or value[0] != MAGIC:
            rejected.append(Rejected(place, NotAvroError(_not_framed(value))))
        else:
            by_id.setdefault(_schema_id(value), []).append(place)
    return by_id, rejected


def _schema_id(value: bytes) -> int:
    return int.from_bytes(value[1:HEADER], "big")


def _not_framed(value: bytes) -> str:
    if len(value) < HEADER:
        return f"The value has {len(value)} bytes; Confluent's wire format begins with {HEADER}."
    return f"The value begins with byte {value[0]:#04x}; Confluent's wire format begins with 0x00."


def _halve(
    bodies: list[bytes], places: Places, name: str, rejected: list[Rejected]
) -> list[tuple[Places, pa.RecordBatch]]:
    try:
        return [(places, _decode_strictly(bodies, name))]
    except ValueError as error:
        if len(bodies) == 1:
            rejected.append(Rejected(places[0], _judged(bodies[0], name, error)))
            return []
    middle = len(bodies) // 2
    left = _halve(bodies[:middle], places[:middle], name, rejected)
    return left + _halve(bodies[middle:], places[middle:], name, rejected)


def _decode_strictly(bodies: list[bytes], name: str) -> pa.RecordBatch:
    batch = pyruhvro.deserialize_array(bodies, schema_text(name))
    batch.validate(full=True)
    if not _is_as_long(batch, bodies, name):
        raise NotAvroError("The value has bytes that belong to no field of the record.")
    return batch


def _is_as_long(batch: pa.RecordBatch, bodies: list[bytes], name: str) -> bool:
    """Whether nothing follows the records; not told where arrays or maps may be encoded in several ways."""
    if any(pa.types.is_nested(column.type) for column in batch.columns):
        return True
    found = np.fromiter(map(len, bodies), np.int64, len(bodies))
    return bool(np.array_equal(encoded_lengths(batch, enum_fields(name)), found))


def _judged(body: bytes, name: str, fallback: ValueError) -> Fault:
    try:
        fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(schema(name)), None)
    except Exception as error:  # noqa: BLE001 - fastavro raises whatever a bad byte leads to
        return error if str(error) else type(error)("The value ends in the middle of the record.")
    return fallback


def _resolve(body: bytes, written: Any, reader: Any) -> dict[str, Any]:  # noqa: ANN401 - fastavro's schemas
    stream = io.BytesIO(body)
    row = fastavro.schemaless_reader(stream, written, reader)
    if stream.tell() != len(body):
        raise NotAvroError("The value has bytes that belong to no field of the record.")
    assert isinstance(row, dict)  # noqa: S101 - the schema is a record
    return row


def _texts(node: Any) -> Any:  # noqa: ANN401 - JSON
    """The schema without `uuid`, of which fastavro would make objects; our fields take the text."""
    if isinstance(node, dict):
        return {key: _texts(value) for key, value in node.items() if (key, value) != ("logicalType", "uuid")}
    return [_texts(item) for item in node] if isinstance(node, list) else node


def _unusable(error: Exception) -> SchemaError:
    return SchemaError(f"The writer's schema can't be used ({type(error).__name__}: {error}).")


def _in_columns(
    rows: list[dict[str, Any]], places: Places, name: str, rejected: list[Rejected]
) -> list[tuple[Places, pa.RecordBatch]]:
    """The rows as one batch; where a value is not of its column's type, each row is judged alone."""
    try:
        return [(places, _from_rows(rows, name))] if rows else []
    except (pa.ArrowException, ValueError, OverflowError) as error:
        if len(rows) == 1:
            rejected.append(Rejected(places[0], error))
            return []
    parts = []
    for place, row in zip(places, rows, strict=True):
        parts += _in_columns([row], [place], name, rejected)
    return parts


def _from_rows(rows: list[dict[str, Any]], name: str) -> pa.RecordBatch:
    naive = [
        {key: value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value for key, value in row.items()}
        for row in rows
    ]
    return pa.RecordBatch.from_pylist(naive, schema=arrow_type(name))


def _in_order(parts: list[tuple[Places, pa.RecordBatch]], rejected: list[Rejected], name: str) -> Decoded:
    index = np.concatenate(
        [np.asarray(places, dtype=np.int64) for places, _ in parts] or [np.zeros(0, np.int64)]
    )
    if not parts:
        return Decoded(pa.RecordBatch.from_pylist([], schema=arrow_type(name)), index, tuple(rejected))
    if len(parts) == 1:
        return Decoded(parts[0][1], index, tuple(rejected))
    order = np.argsort(index)
    table = pa.Table.from_batches([batch.cast(arrow_type(name)) for _, batch in parts])
    batch = table.take(pa.array(order)).combine_chunks().to_batches()[0]
    return Decoded(batch, index[order], tuple(rejected))
