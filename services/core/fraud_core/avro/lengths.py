"""How many bytes the Avro encoding of each row takes, computed from its columns.

A decoder that stops at the end of the record does not notice what follows; comparing lengths does.
Source: Apache Avro 1.12 specification, "Binary Encoding".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Lengths = np.ndarray[Any, np.dtype[np.int64]]
DOUBLE_BYTES, FLOAT_BYTES = 8, 4


def is_as_long(batch: pa.RecordBatch, bodies: Sequence[bytes], enums: frozenset[str] = frozenset()) -> bool:
    """Whether the records are encoded in as many bytes as these have, each of them."""
    found = np.fromiter(map(len, bodies), np.int64, len(bodies))
    return bool(np.array_equal(encoded_lengths(batch, enums), found))


def encoded_lengths(batch: pa.RecordBatch, enums: frozenset[str]) -> Lengths:
    """Bytes of each row, shape (rows,), for flat records of texts, enums, numbers, booleans and timestamps.

    `enums` names the columns of enums: Arrow shows them as strings, Avro writes one byte
    for up to 64 symbols.
    """
    total = np.zeros(batch.num_rows, dtype=np.int64)
    for field, column in zip(batch.schema, batch.columns, strict=True):
        total += int(field.nullable)
        if column.null_count < len(column):
            size = 1 if field.name in enums else _field_lengths(column)
            total += size if not column.null_count else np.where(column.is_valid(), size, 0)
    return total


def _field_lengths(column: pa.Array) -> Lengths | int:
    """Bytes of each value; one number where all are alike."""
    if pa.types.is_float64(column.type):
        return DOUBLE_BYTES
    if pa.types.is_float32(column.type):
        return FLOAT_BYTES
    if pa.types.is_boolean(column.type):
        return 1
    if pa.types.is_timestamp(column.type) or pa.types.is_integer(column.type):
        return _varint(_filled(column.cast(pa.int64())))
    if pa.types.is_string(column.type):
        size = _filled(pc.binary_length(column)).astype(np.int64)
        return size + _varint(size)
    raise TypeError(f"no rule for the length of a column of type {column.type}")


def _filled(column: pa.Array) -> Lengths:
    known = column.fill_null(0) if column.null_count else column
    found: Lengths = known.to_numpy(zero_copy_only=False)
    return found


def _varint(values: Lengths) -> Lengths:
    """Bytes of the zig-zag base-128 varint of each value."""
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    size = np.ones(len(values), dtype=np.int64)
    for bits in range(7, 64, 7):
        more = zigzag >= np.uint64(1 << bits)
        if not more.any():
            break
        size += more
    return size
