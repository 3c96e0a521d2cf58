"""Records of `fraud_side_tables`: what one input partition has counted.

The key is `<pipeline>/<partition>/<slot>`, where a slot is a part of what was counted while one hour was the
partition's latest, `<pipeline>/<partition>/devices-<offset>-<number>`, or `<pipeline>/<partition>/offset`. Of
categories of merchants the last part is `categories-<slot>` or `categories-offset`.
The value is a header and, compressed, for a slot columns of hours since 1970, hashes of merchants or of
categories, transactions and amounts; for devices rows of hashes of device and user and the hour since 1970.
All of a publication is written in one transaction, and the header says which input it includes. A null value
says that this is too old for anybody to ask.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fraud_core.features.side import COUNT_FIELDS, PAIR_FIELDS
from fraud_detector.records import Ints

FORMAT = 2
OFFSET, DEVICES = "offset", "devices"
MERCHANTS, CATEGORIES = "", "categories-"
"""What the names of slots and the offset begin with, by what is counted."""
MOST_PAIRS = 20_000
"""Of devices and users in one record, which takes half a megabyte then."""
_HEADER = struct.Struct(">HqI")
_CODEC = pa.Codec("lz4_raw")


@dataclass(frozen=True)
class SideRecord:
    """One record.

    Attributes:
        name: what the key ends with.
        slot: None for devices and for the record that holds the offset alone.
        offset: the first input offset that is not included; None where the record is gone.
        entries: of a slot, shape (COUNT_FIELDS, keys and hours); else (pairs, PAIR_FIELDS).
    """

    partition: int
    name: str
    slot: int | None
    offset: int | None
    entries: Ints

    @property
    def of_devices(self) -> bool:
        """Whether it holds users of devices."""
        return self.name.startswith(DEVICES)

    @property
    def counted(self) -> str:
        """What a slot or an offset is of: MERCHANTS or CATEGORIES."""
        return CATEGORIES if self.name.startswith(CATEGORIES) else MERCHANTS


class SideRecordError(Exception):
    """A record can't be used; says why."""


def key_of(pipeline: str, partition: int, name: int | str = OFFSET) -> str:
    """The key of a slot, of devices, or of the offset."""
    return f"{pipeline}/{partition}/{name}"


def device_records(offset: int, pairs: Ints) -> Iterator[tuple[str, Ints]]:
    """What the keys of these pairs' records end with, and the pairs of each."""
    for number, begin in enumerate(range(0, len(pairs), MOST_PAIRS)):
        yield f"{DEVICES}-{offset}-{number}", pairs[begin : begin + MOST_PAIRS]


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
        partition, name = int(rest[0]), rest[1]
        place = name.removeprefix(CATEGORIES)
        slot = None if place == OFFSET or name.startswith(f"{DEVICES}-") else int(place)
    except (IndexError, ValueError) as error:
        raise SideRecordError(f"its key {key!r} names no partition and slot or devices") from error
    if value is None:
        return SideRecord(partition, name, slot, None, _entries(b"", 0, slot))
    version = int.from_bytes(value[:2], "big")
    if len(value) < _HEADER.size or version != FORMAT:
        raise SideRecordError(f"it has format {version}, and this version reads {FORMAT}")
    _, offset, size = _HEADER.unpack_from(value)
    return SideRecord(partition, name, slot, offset, _entries(value[_HEADER.size :], size, slot))


def _entries(body: bytes, size: int, slot: int | None) -> Ints:
    try:
        words = np.frombuffer(_CODEC.decompress(body, size, asbytes=True) if size else b"", np.int64)
        shape = (-1, PAIR_FIELDS) if slot is None else (COUNT_FIELDS, words.size // COUNT_FIELDS)
        return words.reshape(shape).copy()
    except (OSError, ValueError) as error:
        raise SideRecordError(f"it is damaged ({error})") from error
