"""Records of `fraud_side_tables`: what one input partition has counted, by slots.

The key is `<pipeline>/<partition>/<slot>` or `<pipeline>/<partition>/offset`; a slot is a sixteenth of the
merchants in one hour since 1970. The value is a header and, for a slot, merchants' hashes, transactions and
amounts, compressed. All of a publication is written in one transaction, and the header says which input
it includes. A null value says that the slot is too old for anybody to ask.
"""

import struct
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fraud_core.features.side import FIELDS
from fraud_detector.records import Ints

FORMAT = 1
OFFSET = "offset"
_HEADER = struct.Struct(">HqI")
_CODEC = pa.Codec("lz4_raw")


@dataclass(frozen=True)
class SideRecord:
    """One record.

    Attributes:
        slot: None for the record that holds the offset alone.
        offset: the first input offset that is not included; None where the slot is gone.
        entries: shape (merchants, FIELDS); empty where there is no slot.
    """

    partition: int
    slot: int | None
    offset: int | None
    entries: Ints


class SideRecordError(Exception):
    """A record can't be used; says why."""


def key_of(pipeline: str, partition: int, slot: int | None) -> str:
    """The key of a slot, or of the offset."""
    return f"{pipeline}/{partition}/{OFFSET if slot is None else slot}"


def encoded(offset: int, entries: Ints | None = None) -> bytes:
    """The value of a slot, or of the offset."""
    body = b"" if entries is None else np.ascontiguousarray(entries).tobytes()
    packed = _CODEC.compress(body, asbytes=True) if body else b""
    return _HEADER.pack(FORMAT, offset, len(body)) + packed


def decoded(key: str, value: bytes | None, pipeline: str) -> SideRecord | None:
    """Read a record; None if it is another pipeline's.

    Raises:
        SideRecordError: it is of another format, or damaged.
    """
    owner, *rest = key.rsplit("/", 2)
    if owner != pipeline:
        return None
    try:
        partition, slot = int(rest[0]), None if rest[1] == OFFSET else int(rest[1])
    except (IndexError, ValueError) as error:
        raise SideRecordError(f"its key {key!r} names no partition and slot") from error
    if value is None:
        return SideRecord(partition, slot, None, np.zeros((0, FIELDS), dtype=np.int64))
    version = int.from_bytes(value[:2], "big")
    if len(value) < _HEADER.size or version != FORMAT:
        raise SideRecordError(f"it has format {version}, and this version reads {FORMAT}")
    _, offset, size = _HEADER.unpack_from(value)
    return SideRecord(partition, slot, offset, _entries(value[_HEADER.size :], size))


def _entries(body: bytes, size: int) -> Ints:
    try:
        words = _CODEC.decompress(body, size, asbytes=True) if size else b""
        return np.frombuffer(words, np.int64).reshape(-1, FIELDS).copy()
    except (OSError, ValueError) as error:
        raise SideRecordError(f"it is damaged ({error})") from error
