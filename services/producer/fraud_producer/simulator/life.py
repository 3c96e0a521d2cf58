"""What changes in people's lives overnight: journeys, new phones, new addresses, coming and going."""

import numpy as np

from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.networks import homes_in
from fraud_producer.simulator.people import settle
from fraud_producer.simulator.rows import NONE, Ints
from fraud_producer.simulator.world import World, newcomers

_HOLIDAY_SHARE = 0.003
_TRIP_SHARE = 0.002
_HOLIDAY_DAYS = (3, 16)
_TRIP_DAYS = (1, 3)
_NEW_PHONE_SHARE = 0.003
_NEW_ADDRESS_SHARE = 0.03


def night_before(world: World, day: int, rng: np.random.Generator) -> None:
    """Change the world's people as the night before this day (since 1970) does."""
    _come_and_go(world, rng)
    _come_home(world, day)
    _leave_for(world, day, _chosen(world, _HOLIDAY_SHARE, rng), _HOLIDAY_DAYS, rng)
    _leave_for(world, day, _chosen(world, _TRIP_SHARE, rng), _TRIP_DAYS, rng)
    _buy_phones(world, _chosen(world, _NEW_PHONE_SHARE, rng))
    _change_addresses(world, _chosen(world, _NEW_ADDRESS_SHARE, rng), rng)


def _chosen(world: World, share: float, rng: np.random.Generator) -> Ints:
    return np.flatnonzero(happens(rng, share, len(world.people)))


def _come_and_go(world: World, rng: np.random.Generator) -> None:
    leaving = _chosen(world, world.settings.turnover, rng)
    settle(world.people, leaving, newcomers(world, len(leaving), rng))


def _come_home(world: World, day: int) -> None:
    world.people.away[(world.people.away != NONE) & (world.people.away_until <= day)] = NONE


def _leave_for(world: World, day: int, slots: Ints, days: tuple[int, int], rng: np.random.Generator) -> None:
    """Journeys lead anywhere, to larger cities more often; those who are away already stay there."""
    people, places = world.people, world.places
    leaving = slots[people.away[slots] == NONE]
    city = rng.choice(
        len(places.weight), size=len(leaving), p=np.sqrt(places.weight) / np.sqrt(places.weight).sum()
    )
    people.away[leaving] = city
    people.away_until[leaving] = day + rng.integers(*days, len(leaving))
    people.away_ip[leaving] = homes_in(places.octets, places.country[city], rng)


def _buy_phones(world: World, slots: Ints) -> None:
    world.people.device_id[slots, 0] = world.serials.devices(len(slots))


def _change_addresses(world: World, slots: Ints, rng: np.random.Generator) -> None:
    country = world.places.country[world.people.home[slots]]
    world.people.home_ip[slots] = homes_in(world.places.octets, country, rng)
