"""Identifiers that say nothing: serial numbers scrambled by a keyed bijection, as hexadecimal text.

A bijection, so that two serials never share an identifier; scrambled, so that neither order nor origin
shows (a device that a thief brought looks like anybody's new phone).
"""

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from fraud_producer.simulator.rows import Ints

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint16)
_ODD = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """A 63-bit key of these parts, the same on every machine."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def hex_ids(serials: Ints, key: int, *, prefix: str = "", digits: int = 16) -> pl.Series:
    """Identifiers of these serials under this key.

    Args:
        serials: numbers from 0; distinct ones below 16 ** digits get distinct identifiers.
        key: identifiers of different keys have nothing in common.
        prefix: goes before the digits.
        digits: hexadecimal digits an identifier, even, 2 to 16.
    """
    mixed = _scrambled(serials.astype(np.uint64), key, bits=4 * digits)
    octets = mixed.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - digits // 2 :]
    return _fixed_width_text(_HEX[octets].view(np.uint8).reshape(-1, digits), prefix)


def _scrambled(serials: npt.NDArray[np.uint64], key: int, *, bits: int) -> npt.NDArray[np.uint64]:
    mask = np.uint64((1 << bits) - 1)
    half = np.uint64(bits // 2)
    mixed = (serials + np.uint64(key)) & mask
    for odd in _ODD:
        mixed = (mixed ^ (mixed >> half)) * np.uint64(odd) & mask
    scrambled: npt.NDArray[np.uint64] = mixed ^ (mixed >> half)
    return scrambled


def _fixed_width_text(digits: npt.NDArray[np.uint8], prefix: str) -> pl.Series:
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    text = np.hstack([np.broadcast_to(head, (len(digits), len(head))), digits])
    offsets = np.arange(len(text) + 1, dtype=np.int64) * text.shape[1]
    arrow = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(text))
    return pl.Series(arrow, dtype=pl.String)
