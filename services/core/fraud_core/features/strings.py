"""Columns of text as 64-bit hashes, straight from Arrow's buffers.

The hash is XXH64 as its specification has it: it is written into snapshots, so it must never change.
"""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel, part

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_PRIME1 = np.uint64(11400714785074694791)
_PRIME2 = np.uint64(14029467366897019727)
_PRIME3 = np.uint64(1609587929392839161)
_PRIME4 = np.uint64(9650029242287828579)
_PRIME5 = np.uint64(2870177450012600261)
_NO_BYTES: Bytes = np.frombuffer(b"", dtype=np.uint8)  # read-only as Arrow's, to be of one type to numba


class Text(NamedTuple):
    """A column of text: the bytes of row i are data[offsets[i]:offsets[i + 1]].

    Attributes:
        offsets: shape (rows + 1,).
        data: UTF-8.
        validity: a bit a row, set where it is not null; empty if none is.
        shift: the bit of the first row.
    """

    offsets: Ints
    data: Bytes
    validity: Bytes
    shift: int


def text_of(column: pl.Series) -> Text:
    """The column's buffers; the bytes are shared with the result, not copied."""
    strings = column if column.dtype == pl.String else column.cast(pl.String)
    whole = strings if strings.n_chunks() == 1 else strings.rechunk()
    array = whole.to_arrow(compat_level=pl.CompatLevel.oldest())
    validity, offsets, data = array.buffers()
    first = array.offset
    return Text(
        np.frombuffer(offsets, dtype=np.int64)[first : first + len(array) + 1],
        np.frombuffer(data, dtype=np.uint8) if data else _NO_BYTES,
        np.frombuffer(validity, dtype=np.uint8) if validity else _NO_BYTES,
        first,
    )


def hashes(text: Text, seed: int) -> Ints:
    """Hash of each row, 0 where it is null or empty and nowhere else."""
    result = np.zeros(text.offsets.size - 1, dtype=np.int64)
    _hash(text, seed, result)
    return result


@kernel
def _hash(text: Text, seed: int, result: Ints) -> None:
    for row in range(result.size):
        bit = row + text.shift
        known = text.validity.size == 0 or (text.validity[bit >> 3] >> (bit & 7)) & 1
        begin, end = text.offsets[row], text.offsets[row + 1]
        if known and end > begin:
            digest = np.int64(_xxh64(text.data, begin, end, np.uint64(seed)))
            result[row] = digest or 1


@part
def _xxh64(data: Bytes, begin: int, end: int, seed: np.uint64) -> np.uint64:
    at, digest = begin, seed + _PRIME5
    if end - begin >= 32:  # noqa: PLR2004 - a stripe of four lanes
        digest, at = _stripes(data, begin, end, seed)
    digest += np.uint64(end - begin)
    while at + 8 <= end:
        digest ^= _round(np.uint64(0), _little_endian(data, at, 8))
        digest = _rotated(digest, 27) * _PRIME1 + _PRIME4
        at += 8
    if at + 4 <= end:
        digest ^= _little_endian(data, at, 4) * _PRIME1
        digest = _rotated(digest, 23) * _PRIME2 + _PRIME3
        at += 4
    for byte in range(at, end):
        digest = _rotated(digest ^ (np.uint64(data[byte]) * _PRIME5), 11) * _PRIME1
    return _avalanche(digest)


@part
def _stripes(data: Bytes, begin: int, end: int, seed: np.uint64) -> tuple[np.uint64, int]:
    lane1, lane2, lane3, lane4 = seed + _PRIME1 + _PRIME2, seed + _PRIME2, seed, seed - _PRIME1
    at = begin
    while at + 32 <= end:
        lane1 = _round(lane1, _little_endian(data, at, 8))
        lane2 = _round(lane2, _little_endian(data, at + 8, 8))
        lane3 = _round(lane3, _little_endian(data, at + 16, 8))
        lane4 = _round(lane4, _little_endian(data, at + 24, 8))
        at += 32
    digest = _rotated(lane1, 1) + _rotated(lane2, 7) + _rotated(lane3, 12) + _rotated(lane4, 18)
    for lane in (lane1, lane2, lane3, lane4):
        digest = (digest ^ _round(np.uint64(0), lane)) * _PRIME1 + _PRIME4
    return digest, at


@part
def _little_endian(data: Bytes, at: int, count: int) -> np.uint64:
    word = np.uint64(0)
    for byte in range(count):
        word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
    return word


@part
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return _rotated(lane + word * _PRIME2, 31) * _PRIME1


@part
def _rotated(word: np.uint64, bits: int) -> np.uint64:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@part
def _avalanche(digest: np.uint64) -> np.uint64:
    digest = (digest ^ (digest >> np.uint64(33))) * _PRIME2
    digest = (digest ^ (digest >> np.uint64(29))) * _PRIME3
    return digest ^ (digest >> np.uint64(32))
