"""Transactions as numbers, before they become text: the simulator's working form."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NONE = -1
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Kind(IntEnum):
    """Types of transactions; the names in lower case stand in the stream."""

    PURCHASE = 0
    TRANSFER = 1
    WITHDRAWAL = 2
    DEPOSIT = 3


class Device(IntEnum):
    """Kinds of devices; the names in lower case stand in the stream."""

    MOBILE = 0
    DESKTOP = 1
    TABLET = 2
    TERMINAL = 3


@dataclass(frozen=True)
class Rows:
    """Columns of equal length; unknown is NONE in whole numbers and NaN in fractions.

    Attributes:
        time: event time, ms since 1970.
        slot: the customer's place in People.
        user: the customer's serial number.
        kind: a Kind.
        amount: not yet rounded.
        country: position in Places.countries.
        currency: the country whose currency it is.
        device: a Device.
        device_id: serial number of the device.
        merchant: position in Merchants.
        category: position in CATEGORIES.
        payee: serial number of the customer who receives a transfer.
        ip: IPv4 as a number.
        latitude: degrees.
        longitude: degrees.
        session: start of the online session, ms since 1970.
        scenario: the kind of fraud, NONE where there is none. Never leaves the simulator but as truth.
    """

    time: Ints
    slot: Ints
    user: Ints
    kind: Ints
    amount: Floats
    country: Ints
    currency: Ints
    device: Ints
    device_id: Ints
    merchant: Ints
    category: Ints
    payee: Ints
    ip: Ints
    latitude: Floats
    longitude: Floats
    session: Ints
    scenario: Ints

    def __len__(self) -> int:
        """Number of transactions."""
        return len(self.time)


def joined(parts: Sequence[Rows]) -> Rows:
    """All parts, one after the other; at least one part."""
    return Rows(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Rows)})


def taken(rows: Rows, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Rows:
    """The rows at these positions, or where this is true."""
    return Rows(**{f.name: getattr(rows, f.name)[which] for f in fields(Rows)})


def none(count: int) -> Ints:
    """So many unknown whole numbers."""
    return np.full(count, NONE, dtype=np.int64)
