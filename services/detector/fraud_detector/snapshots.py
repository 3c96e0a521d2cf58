"""One record of `fraud_state`: the users of one chunk of one partition, as of an input offset.

The key is `<pipeline>/<partition>/<chunk>/<part>`: a chunk larger than a record has several parts, written in
one transaction. The value is a header and the packed users, compressed. The header says which lineage the
state belongs to: a state that begins anew, because it could not be restored, begins a lineage, and snapshots
of earlier ones count no more.
"""

import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from fraud_core.features import CHUNKS, FORMAT, State, chunks_of, packed_users

MOST_WORDS = 62_500
"""Words of a part: with its header and incompressible it stays below 512 KiB."""

_FORMAT = struct.Struct(">H")
_HEADER = struct.Struct(">HHHHHIIQqqI")
_CODEC = pa.Codec("lz4_raw")
Ints = np.ndarray[Any, np.dtype[np.int64]]


class SnapshotError(Exception):
    """A snapshot can't be used; says why."""


@dataclass(frozen=True)
class Lineage:
    """A state from where it began.

    Attributes:
        origin: the first input offset that it includes.
        partitions: of the input topic then; with another number its users are on other partitions.
    """

    id: int
    origin: int
    partitions: int


@dataclass(frozen=True)
class Part:
    """One record: all or some users of a chunk.

    Attributes:
        offset: the first input offset that is not included.
        users: how many.
        size: bytes of the packed users.
        body: the packed users, compressed.
    """

    lineage: Lineage
    chunk: int
    part: int
    parts: int
    offset: int
    users: int
    size: int
    body: bytes

    def words(self) -> Ints:
        """The packed users.

        Raises:
            SnapshotError: the bytes are damaged.
        """
        try:
            return np.frombuffer(_CODEC.decompress(self.body, self.size, asbytes=True), np.int64).copy()
        except (OSError, ValueError) as error:
            raise SnapshotError(f"a snapshot of chunk {self.chunk} is damaged ({error})") from error


def warm_up() -> None:
    """Write and read a chunk, so that the machine code exists before anything waits for it."""
    state, user = State(), np.ones(1, dtype=np.int64)
    state.savepoint()
    state.find(user, user)
    state.roll_back()
    for _, value in encoded(new_lineage(0, 1), 0, 0, state.dump(0, MOST_WORDS)):
        state.load(decoded(value).words())
    chunks_of(pl.Series(["nobody"]))


def new_lineage(origin: int, partitions: int) -> Lineage:
    """Of a state that begins at this offset."""
    return Lineage(secrets.randbits(64), origin, partitions)


def key_prefix(pipeline: str, partition: int) -> bytes:
    """What the keys of a partition's snapshots begin with; several pipelines may share the topic."""
    return f"{pipeline}/{partition}/".encode()


def encoded(lineage: Lineage, chunk: int, offset: int, runs: list[Ints]) -> Iterator[tuple[str, bytes]]:
    """The records of a chunk: for each run of packed users the end of its key, and its value."""
    for part, words in enumerate(runs):
        header = _HEADER.pack(
            FORMAT, CHUNKS, chunk, part, len(runs), lineage.partitions, packed_users(words),
            lineage.id, lineage.origin, offset, words.nbytes,
        )  # fmt: skip
        yield f"{chunk}/{part}", header + _CODEC.compress(words, asbytes=True)


def decoded(value: bytes) -> Part:
    """Read a record.

    Raises:
        SnapshotError: another format, or no snapshot at all.
    """
    version = _FORMAT.unpack_from(value)[0] if len(value) >= _FORMAT.size else None
    if version != FORMAT or len(value) < _HEADER.size:
        raise SnapshotError(f"its snapshots have format {version}, and this version reads {FORMAT}")
    _, chunks, chunk, part, parts, partitions, users, id_, origin, offset, size = _HEADER.unpack_from(value)
    if chunks != CHUNKS:
        raise SnapshotError(f"its snapshots are in {chunks} chunks, and this version has {CHUNKS}")
    lineage = Lineage(id_, origin, partitions)
    return Part(lineage, chunk, part, parts, offset, users, size, value[_HEADER.size :])
