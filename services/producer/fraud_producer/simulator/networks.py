"""Internet addresses: homes, offices, mobile carriers that hide many behind few, and VPN exits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud_producer.simulator.places import Places

_VPN_OCTETS = np.array([45, 185, 193])
_VPN_EXITS = 240
_PEOPLE_PER_OFFICE = 40
_PEOPLE_PER_CARRIER_ADDRESS = 60


@dataclass(frozen=True)
class Networks:
    """Addresses are IPv4 as numbers.

    Attributes:
        octets: first octets of each country's networks, shape (countries, 2).
        offices: shared addresses of companies, shape (countries, offices).
        carriers: shared addresses of mobile carriers, shape (countries, addresses).
        vpn: exits of VPN providers; honest people and thieves use the same.
        vpn_country: the country that each exit pretends to be in.
    """

    octets: npt.NDArray[np.int64]
    offices: npt.NDArray[np.int64]
    carriers: npt.NDArray[np.int64]
    vpn: npt.NDArray[np.int64]
    vpn_country: npt.NDArray[np.int64]


def draw_networks(rng: np.random.Generator, places: Places, customers: int) -> Networks:
    """Networks for so many customers in these places."""
    countries = len(places.countries)
    exits = rng.choice(_VPN_OCTETS, _VPN_EXITS) << 24 | rng.integers(1 << 8, 1 << 24, _VPN_EXITS)
    each = np.repeat(np.arange(countries)[:, None], _pool(customers, countries, _PEOPLE_PER_OFFICE), axis=1)
    mobile = np.repeat(
        np.arange(countries)[:, None], _pool(customers, countries, _PEOPLE_PER_CARRIER_ADDRESS), axis=1
    )
    return Networks(
        octets=places.octets,
        offices=homes_in(places.octets, each, rng),
        carriers=homes_in(places.octets, mobile, rng),
        vpn=exits,
        vpn_country=rng.integers(0, countries, _VPN_EXITS),
    )


def homes_in(
    octets: npt.NDArray[np.int64], countries: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """An address of its own for each of these countries, of the same shape."""
    octet = octets[countries, rng.integers(0, octets.shape[1], countries.shape)]
    return octet << 24 | rng.integers(1 << 8, 1 << 24, countries.shape)


def one_of(
    pool: npt.NDArray[np.int64], countries: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """An address from each of these countries' rows of a pool."""
    return pool[countries, rng.integers(0, pool.shape[1], len(countries))]


def _pool(customers: int, countries: int, people: int) -> int:
    return max(4, customers // countries // people)
