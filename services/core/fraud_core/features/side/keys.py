"""Whom and what transactions name, as hashes: made once a batch, for all that asks."""

from typing import NamedTuple

import polars as pl

from fraud_core.features.layout import Ints
from fraud_core.features.strings import hashes, text_of

SEED = 0


class Keys(NamedTuple):
    """Hashes, one a row each; 0 where unknown."""

    users: Ints
    merchants: Ints
    devices: Ints
    locations: Ints
    categories: Ints


def keys_of(frame: pl.DataFrame) -> Keys:
    """The keys of transactions."""
    columns = ("user", "merchant", "device_id", "location", "merchant_category")
    return Keys(*(hashes(text_of(frame[name]), SEED) for name in columns))
