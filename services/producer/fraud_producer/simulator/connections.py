"""From where and on what a payment online is made: by the customer, or by a stranger."""

from dataclasses import dataclass

import numpy as np

from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.networks import homes_in, one_of
from fraud_producer.simulator.people import People
from fraud_producer.simulator.rhythm import local_hour
from fraud_producer.simulator.rows import NONE, Bools, Device, Floats, Ints
from fraud_producer.simulator.world import World

_OFFICE_HOURS = (9, 17)
_GPS_SPREAD_DEGREES = 0.02
# Private browsing and cleared cookies make an old device look new.
_FORGOTTEN_SHARE = 0.006
_VPN_SHARE = 0.3
_MOBILE_DATA_SHARE = 0.45
_FROM_WORK_SHARE = 0.5
_DEVICE_WEIGHTS = np.array([0.62, 0.28, 0.10])


@dataclass(frozen=True)
class Connection:
    """Columns of equal length, as in Rows."""

    device: Ints
    device_id: Ints
    ip: Ints
    country: Ints
    latitude: Floats
    longitude: Floats


def own_connection(
    world: World, slots: Ints, times: Ints, city: Ints, rng: np.random.Generator
) -> Connection:
    """How customers connect who are in these cities at these times."""
    people = world.people
    which = _devices_used(people, slots, rng)
    device, device_id = people.device[slots, which], people.device_id[slots, which].copy()
    forgotten = happens(rng, _FORGOTTEN_SHARE, len(slots))
    device_id[forgotten] = world.serials.devices(int(forgotten.sum()))
    ip, country = _own_address(world, slots, times, city, device, rng)
    latitude, longitude = _position(world, slots, city, rng)
    return Connection(device, device_id, ip, country, latitude, longitude)


def strangers_connection(world: World, slots: Ints, rng: np.random.Generator) -> Connection:
    """How thieves connect, one for each victim: fresh devices, addresses that honest people use as well."""
    count, networks, places = len(slots), world.networks, world.places
    home = places.country[world.people.home[slots]]
    anywhere = rng.integers(0, len(places.countries), count)
    exits = rng.integers(0, len(networks.vpn), count)
    way = rng.choice(4, size=count, p=[0.5, 0.2, 0.15, 0.15])
    country = np.choose(way, [home, home, networks.vpn_country[exits], anywhere])
    addresses = homes_in(places.octets, country, rng)
    ip = np.choose(way, [addresses, one_of(networks.carriers, home, rng), networks.vpn[exits], addresses])
    device = rng.choice([Device.MOBILE, Device.DESKTOP, Device.TABLET], size=count, p=[0.5, 0.42, 0.08])
    unknown = np.full(count, np.nan)
    return Connection(device, world.serials.devices(count), ip, country, unknown, unknown)


def repeated(connection: Connection, which: Ints) -> Connection:
    """The connections at these positions, maybe several times."""
    return Connection(
        connection.device[which],
        connection.device_id[which],
        connection.ip[which],
        connection.country[which],
        connection.latitude[which],
        connection.longitude[which],
    )


def mixed(first: Connection, second: Connection, second_where: Bools) -> Connection:
    """Row by row the second connection where this is true, else the first."""
    return Connection(
        np.where(second_where, second.device, first.device),
        np.where(second_where, second.device_id, first.device_id),
        np.where(second_where, second.ip, first.ip),
        np.where(second_where, second.country, first.country),
        np.where(second_where, second.latitude, first.latitude),
        np.where(second_where, second.longitude, first.longitude),
    )


def _devices_used(people: People, slots: Ints, rng: np.random.Generator) -> Ints:
    weight = np.where(people.device_id[slots] != NONE, _DEVICE_WEIGHTS, 0.0)
    running = np.cumsum(weight, axis=1)
    drawn = rng.random(len(slots)) * running[:, -1]
    used: Ints = (drawn[:, None] > running).sum(axis=1)
    return used


def _own_address(
    world: World, slots: Ints, times: Ints, city: Ints, device: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Addresses, and the countries that they tell."""
    people, places, networks, count = world.people, world.places, world.networks, len(slots)
    home_country = places.country[people.home[slots]]
    carried = (device == Device.MOBILE) & happens(rng, _MOBILE_DATA_SHARE, count)
    at_work = _in_the_office(world, slots, times, city) & happens(rng, _FROM_WORK_SHARE, count)
    away = (people.away[slots] != NONE) & (city == people.away[slots])
    hidden = people.vpn[slots] & happens(rng, _VPN_SHARE, count)
    exits = rng.integers(0, len(networks.vpn), count)
    # Roaming keeps the address of the carrier at home: an address tells the country of the contract.
    ways = [
        (hidden, networks.vpn[exits], networks.vpn_country[exits]),
        (carried, one_of(networks.carriers, home_country, rng), home_country),
        (away, people.away_ip[slots], places.country[city]),
        (at_work, people.work_ip[slots], home_country),
    ]
    taken, addresses, countries = zip(*ways, strict=True)
    return np.select(taken, addresses, people.home_ip[slots]), np.select(taken, countries, home_country)


def _in_the_office(world: World, slots: Ints, times: Ints, city: Ints) -> Bools:
    hour = local_hour(times, world.places.utc_offset[city])
    open_now: Bools = (hour >= _OFFICE_HOURS[0]) & (hour < _OFFICE_HOURS[1])
    works: Bools = world.people.hours[slots] == 0
    return open_now & works


def _position(world: World, slots: Ints, city: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Where the device says that it is: at home precisely, elsewhere in the city; most don't say."""
    people, places = world.people, world.places
    at_home = city == people.home[slots]
    jitter = rng.normal(0.0, _GPS_SPREAD_DEGREES, (2, len(slots)))
    silent = ~people.shares_position[slots]
    latitude = np.where(at_home, people.latitude[slots], places.latitude[city]) + jitter[0]
    longitude = np.where(at_home, people.longitude[slots], places.longitude[city]) + jitter[1]
    return np.where(silent, np.nan, latitude), np.where(silent, np.nan, longitude)
