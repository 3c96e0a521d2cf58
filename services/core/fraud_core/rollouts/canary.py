"""Who is in a canary: a stable hash of the user, salted by the challenger.

The same user has the same place for as long as a challenger is tried, so raising the weight only adds users;
another challenger is tried on others. Every worker finds the same, and so does whoever reads the decisions.
"""

from typing import Any

import numpy as np
import polars as pl

from fraud_core.features.strings import hashes, text_of

Floats = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

_BITS = 53
"""As many as a double holds exactly."""


def places(texts: pl.Series, salt: int) -> Floats:
    """For each text a number in [0, 1) that depends on it and the salt alone, evenly spread.

    The hash is XXH64 of the text's UTF-8 bytes with the salt as its seed; its upper 53 bits are divided by
    2^53. Null and the empty text have the place 0.
    """
    upper = hashes(text_of(texts), salt).view(np.uint64) >> np.uint64(64 - _BITS)
    return upper.astype(np.float64) * 2.0**-_BITS


def salt_of(sha256: str) -> int:
    """The salt of a challenger: the first 60 bits of its digest."""
    return int(sha256[:15], 16)


def in_canary(users: pl.Series, sha256: str, share: float) -> Mask:
    """Whether the challenger with this digest decides for each of the users, if it does for such a share."""
    return places(users, salt_of(sha256)) < share
