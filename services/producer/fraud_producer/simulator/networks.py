"""Internet addresses: homes, offices, mobile carriers that hide many behind few, and VPN exits."""

from dataclasses import dataclass

import numpy as np

from fraud_producer.simulator.places import Places
from fraud_producer.simulator.rows import Ints

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

    octets: Ints
    offices: Ints
    carriers: Ints
    vpn: Ints
    vpn_country: Ints


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


def homes_in(octets: Ints, countries: Ints, rng: np.random.Generator) -> Ints:
    """An address of its own for each of these countries, of the same shape."""
    octet = octets[countries, rng.integers(0, octets.shape[1], countries.shape)]
    return octet << 24 | rng.integers(1 << 8, 1 << 24, countries.shape)


def one_of(pool: Ints, countries: Ints, rng: np.random.Generator) -> Ints:
    """An address from each of these countries' rows of a pool."""
    return pool[countries, rng.integers(0, pool.shape[1], len(countries))]


def _pool(customers: int, countries: int, people: int) -> int:
    return max(4, customers // countries // people)
