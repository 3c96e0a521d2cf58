"""Decodes values in batches; a bad one is found, judged and set aside without stopping the others.

pyruhvro decodes a whole batch at once, twenty times faster than record by record, but it fails as a whole,
lets invalid UTF-8 pass and overlooks bytes after the record. So its result is checked, and where something
is wrong the batch is halved until the culprit is alone; fastavro then words the fault. Of another writer's
records it has the last word, too: what it resolves is no fault.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyruhvro

from fraud_core.avro.evolved import Evolved, columns, evolved
from fraud_core.avro.faults import TOO_LONG, NotAvroError, in_words
from fraud_core.avro.lengths import is_as_long
from fraud_core.avro.types import arrow_type, enum_fields, same_record
from fraud_core.avro.writers import Writers
from fraud_core.errors import SchemaError
from fraud_core.registry import Registry
from fraud_core.schemas import schema, schema_text

HEADER = 5
MAGIC = 0
Fault = Exception
Places = Sequence[int]
Row = Mapping[str, Any]
Part = tuple[Places, pa.RecordBatch]
Together = Callable[[Sequence[bytes]], pa.RecordBatch]
Alone = Callable[[bytes, ValueError], pa.RecordBatch | Fault]


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
        parts: list[Part] = []
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
    ) -> list[Part]:
        bodies = [(values[place] or b"")[HEADER:] for place in places]
        if same_record(writer, self._name):
            return _halve(bodies, places, (self._strictly, self._judged), rejected)
        found = evolved(writer, self._name)
        if found.fault:
            rejected += [Rejected(place, SchemaError(found.fault)) for place in places]
            return []
        if found.matched is None:
            return _one_by_one(bodies, places, found, rejected)
        return _halve(bodies, places, (found.matched.decode, found.alone), rejected)

    def _strictly(self, bodies: Sequence[bytes]) -> pa.RecordBatch:
        batch = pyruhvro.deserialize_array(bodies, schema_text(self._name))
        batch.validate(full=True)
        # Not told where arrays or maps may be encoded in several ways.
        flat = not any(pa.types.is_nested(column.type) for column in batch.columns)
        if flat and not is_as_long(batch, bodies, enum_fields(self._name)):
            raise NotAvroError(TOO_LONG)
        return batch

    def _judged(self, body: bytes, fallback: ValueError) -> Fault:
        try:
            fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(schema(self._name)), None)
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever a bad byte leads to
            return in_words(error)
        return fallback


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
    bodies: Sequence[bytes], places: Places, how: tuple[Together, Alone], rejected: list[Rejected]
) -> list[Part]:
    """Decode together what can be, and what can't is judged alone."""
    together, alone = how
    try:
        return [(places, together(bodies))]
    except ValueError as error:
        if len(bodies) == 1:
            return _part(places[0], alone(bodies[0], error), rejected)
    middle = len(bodies) // 2
    left = _halve(bodies[:middle], places[:middle], how, rejected)
    return left + _halve(bodies[middle:], places[middle:], how, rejected)


def _part(place: int, verdict: pa.RecordBatch | Fault, rejected: list[Rejected]) -> list[Part]:
    if isinstance(verdict, pa.RecordBatch):
        return [([place], verdict)]
    rejected.append(Rejected(place, verdict))
    return []


def _one_by_one(
    bodies: Sequence[bytes], places: Places, writer: Evolved, rejected: list[Rejected]
) -> list[Part]:
    """Records that only fastavro can resolve; into columns they come together, if they can."""
    rows, kept = [], []
    for place, body in zip(places, bodies, strict=True):
        try:
            rows.append(writer.row(body))
            kept.append(place)
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever a bad byte leads to
            rejected.append(Rejected(place, in_words(error)))
    try:
        return [(kept, columns(rows, writer.name))] if rows else []
    except (pa.ArrowException, ValueError, OverflowError):
        return [
            part for place, row in zip(kept, rows, strict=True) for part in _row(place, row, writer, rejected)
        ]


def _row(place: int, row: Row, writer: Evolved, rejected: list[Rejected]) -> list[Part]:
    try:
        return [([place], columns([row], writer.name))]
    except (pa.ArrowException, ValueError, OverflowError) as error:
        return _part(place, error, rejected)


def _in_order(parts: list[Part], rejected: list[Rejected], name: str) -> Decoded:
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
