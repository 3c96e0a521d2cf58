"""Networks and what is said of them: their country, and how bad a name they have.

Networks may lie within each other; of those that an address is in, the narrowest counts. So they are cut into
ranges that do not overlap, sorted by where they begin, and an address is found by bisection: IPv4 as
numbers, IPv6 as 16 bytes.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from fraud_core.features.layout import Ints
from fraud_core.features.side.keys import SEED
from fraud_core.features.side.merchants import Floats
from fraud_core.features.strings import Text, hashes, text_of
from fraud_core.kernels import kernel, part

UNKNOWN = -1
END = 1 << 128
"""After the last address of IPv6."""
DOT, ZERO, BYTE, OCTETS = 46, 48, 255, 4
Packed = np.ndarray[Any, np.dtype[np.bytes_]]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Network(NamedTuple):
    """What is said of a network.

    Attributes:
        country: ISO 3166-1 alpha-2, None where unknown.
        reputation: 0 where nothing bad is known, 1 at worst; None where unknown.
    """

    network: IpNetwork
    country: str | None
    reputation: float | None


@dataclass(frozen=True)
class Networks:
    """Ranges of addresses; the index of a range names what is said of it, UNKNOWN is nothing.

    Attributes:
        first4, said4: where the ranges of IPv4 begin, and what is said of them.
        first6, said6: those of IPv6.
        countries: hashes, 0 where unknown.
        reputations: NaN where unknown.
    """

    first4: Ints
    said4: Ints
    first6: Packed
    said6: Ints
    countries: Ints
    reputations: Floats

    def find(self, addresses: pl.Series) -> Ints:
        """For each address of a column what is said of it, UNKNOWN where it is none or in no network."""
        numbers = ipv4_numbers(text_of(addresses))
        others = addresses.filter(pl.Series(numbers < 0)).drop_nulls().unique()
        said = _said(self.first4, self.said4, numbers)
        said[numbers < 0] = UNKNOWN
        if others.len():
            found = {text: self._found6(text) for text in others.to_list()}
            rows = np.flatnonzero(numbers < 0)
            said[rows] = [found.get(text, UNKNOWN) for text in addresses[rows].to_list()]
        return said

    def observe(self, reputation: Floats, differs: Floats, addresses: pl.Series, locations: Ints) -> None:
        """Write the reputation of each transaction's address, and whether its country is another."""
        said = self.find(addresses)
        known = said != UNKNOWN
        reputation[:] = np.where(known, self.reputations[said], np.nan)
        country = np.where(known, self.countries[said], 0)
        both = (country != 0) & (locations != 0)
        differs[:] = np.where(both, country != locations, np.nan)

    def _found6(self, text: str) -> int:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return UNKNOWN
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
        if mapped is not None:
            return int(_said(self.first4, self.said4, np.array([int(mapped)]))[0])
        return int(_said(self.first6, self.said6, np.array([address.packed], dtype="S16"))[0])


def networks_of(said: Iterable[Network]) -> Networks:
    """Make ranges of networks; of two equal ones the later counts."""
    listed = list(said)
    first4, said4 = _ranges(listed, ipaddress.IPv4Network)
    first6, said6 = _ranges(listed, ipaddress.IPv6Network)
    reputations = [np.nan if one.reputation is None else one.reputation for one in listed]
    countries = pl.Series([one.country for one in listed] or [None], dtype=pl.String)
    return Networks(
        first4=np.array(first4, dtype=np.int64),
        said4=np.array(said4, dtype=np.int64),
        first6=np.array([first.to_bytes(16, "big") for first in first6], dtype="S16"),
        said6=np.array(said6, dtype=np.int64),
        countries=hashes(text_of(countries), SEED),
        reputations=np.array(reputations or [np.nan]),
    )


def _ranges(said: Sequence[Network], kind: type[IpNetwork]) -> tuple[list[int], list[int]]:
    """Where each range begins, and the index of the narrowest network that it is in."""
    spans = [
        (int(one.network.network_address), -int(one.network.broadcast_address), index)
        for index, one in enumerate(said)
        if isinstance(one.network, kind)
    ]
    cuts, around = [(0, UNKNOWN)], list[tuple[int, int]]()
    for first, minus_last, index in [*sorted(spans), (END, 0, UNKNOWN)]:
        while around and around[-1][0] < first:
            last, _ = around.pop()
            cuts.append((last + 1, around[-1][1] if around else UNKNOWN))
        cuts.append((first, index))
        around.append((-minus_last, index))
    kept = [cut for cut in cuts if cut[0] < END]
    return [first for first, _ in kept], [index for _, index in kept]


def _said(firsts: Any, said: Ints, addresses: Any) -> Ints:  # noqa: ANN401 - numbers or bytes
    found: Ints = said[np.searchsorted(firsts, addresses, side="right") - 1]
    return found


def ipv4_numbers(text: Text) -> Ints:
    """Each row's address as a number, -1 where it is no IPv4 address in dotted decimals."""
    numbers = np.full(text.offsets.size - 1, -1, dtype=np.int64)
    _read_ipv4(text, numbers)
    return numbers


@kernel
def _read_ipv4(text: Text, numbers: Ints) -> None:
    for row in range(numbers.size):
        bit = row + text.shift
        if text.validity.size == 0 or (text.validity[bit >> 3] >> (bit & 7)) & 1:
            numbers[row] = _ipv4(text, text.offsets[row], text.offsets[row + 1])


@part
def _ipv4(text: Text, begin: int, end: int) -> int:
    number = octet = digits = dots = 0
    for at in range(begin, end + 1):
        byte = text.data[at] if at < end else DOT
        if ZERO <= byte <= ZERO + 9:
            octet, digits = 10 * octet + byte - ZERO, digits + 1
            if octet > BYTE or (digits > 1 and octet < 10 ** (digits - 1)):
                return -1
        elif byte == DOT and digits:
            number, dots = number << 8 | octet, dots + 1
            octet = digits = 0
        else:
            return -1
    return number if dots == OCTETS else -1
