"""Where a user was last: the name of the country, and how far from the last known coordinates."""

import math
from typing import Any

import numpy as np

from fraud_core.features.blocks import insert
from fraud_core.features.layout import (
    LATITUDE,
    LIMITS,
    LONGITUDE,
    PLACE,
    PLACE_TIME,
    POINT_TIME,
    TEXT,
    TEXT_BYTES,
    Ints,
    Store,
    set_length,
    start,
)
from fraud_core.features.strings import Bytes, Text
from fraud_core.kernels import part

EARTH_RADIUS_KM = 6371.0088
METRES = 1000.0
MAX_LATITUDE = 90.0
MAX_LONGITUDE = 180.0
NAME_BYTES = 8 * int(LIMITS[TEXT])
"""A longer name of a country is cut to so many bytes, between characters; it is still compared as a whole."""


@part
def distance_km(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Great-circle distance on a sphere by the haversine formula, rounded to the metre."""
    rise = math.sin(math.radians(to_latitude - latitude) / 2)
    turn = math.sin(math.radians(to_longitude - longitude) / 2)
    cosines = math.cos(math.radians(latitude)) * math.cos(math.radians(to_latitude))
    share = min(rise * rise + cosines * (turn * turn), 1.0)
    return np.rint(2 * EARTH_RADIUS_KM * math.asin(math.sqrt(share)) * METRES) / METRES  # type: ignore[no-any-return]


@part
def possible(latitude: float, longitude: float) -> bool:
    """Whether these are coordinates on Earth; never true of NaN."""
    return abs(latitude) <= MAX_LATITUDE and abs(longitude) <= MAX_LONGITUDE


@part
def remember_point(words: Ints, block: int, time: int, latitude: float, longitude: float) -> None:
    """Note where the user was at that time."""
    words[block + POINT_TIME] = time
    words[block + LATITUDE] = np.float64(latitude).view(np.int64)
    words[block + LONGITUDE] = np.float64(longitude).view(np.int64)


@part
def remember_place(store: Store, ref: int, time: int, place: int, names: Text, row: int) -> None:
    """Note the country of that row as the user's last; its name is stored only when it changes."""
    words, block = store.words, store.table[ref]
    words[block + PLACE_TIME] = time
    if words[block + PLACE] != place:
        words[block + PLACE] = place
        _store_name(store, ref, names.data, names.offsets[row], names.offsets[row + 1])


@part
def _store_name(store: Store, ref: int, data: Bytes, begin: int, end: int) -> None:
    if end - begin > NAME_BYTES:
        end = begin + NAME_BYTES
        while data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a byte within a UTF-8 character
            end -= 1
    store.words[store.table[ref] + TEXT_BYTES] = end - begin
    set_length(store.words, store.table[ref], TEXT, 0)
    for place in range((end - begin + 7) // 8):
        word: Any = 0
        for byte in range(min(8, end - begin - 8 * place)):
            word |= np.int64(data[begin + 8 * place + byte]) << (8 * byte)
        at = insert(store, ref, TEXT, place)
        store.words[at] = word


@part
def write_name(words: Ints, block: int, target: Bytes, begin: int) -> int:
    """Write the name of the user's last country; gives the index after its last byte."""
    at, count = start(words, block, TEXT), words[block + TEXT_BYTES]
    for byte in range(count):
        target[begin + byte] = (words[at + (byte >> 3)] >> (8 * (byte & 7))) & 255
    return begin + count  # type: ignore[no-any-return]
