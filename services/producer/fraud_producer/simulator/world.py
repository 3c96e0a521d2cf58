"""A simulated world: what does not change in it, and the people, who do."""

from dataclasses import dataclass

import numpy as np

from fraud_producer.simulator.ids import key_of
from fraud_producer.simulator.merchants import Merchants, draw_merchants
from fraud_producer.simulator.networks import Networks, draw_networks
from fraud_producer.simulator.people import MAX_DEVICES, People, draw_people
from fraud_producer.simulator.places import Places, places_of
from fraud_producer.simulator.rows import Ints
from fraud_producer.simulator.settings import SimulatorSettings

# Newcomers' serial numbers begin beyond those of the first customers, and apart for each day of the start:
# a second run of one seed that starts later must not give a number to somebody else.
_SERIALS_PER_START = 1 << 26


@dataclass
class Serials:
    """The next serial numbers of new customers and new devices."""

    user: int
    device: int

    def devices(self, count: int) -> Ints:
        """So many new serial numbers of devices."""
        first, self.device = self.device, self.device + count
        return first + np.arange(count)

    def users(self, count: int) -> int:
        """The first of so many new serial numbers of customers."""
        first, self.user = self.user, self.user + count
        return first


@dataclass(frozen=True)
class World:
    """Everything that a day is made from.

    Attributes:
        settings: what was asked for.
        places: countries and cities.
        merchants: who takes money.
        networks: internet addresses.
        people: the customers, changed from day to day.
        serials: numbers for newcomers and new devices, counted up.
    """

    settings: SimulatorSettings
    places: Places
    merchants: Merchants
    networks: Networks
    people: People
    serials: Serials


def make_world(settings: SimulatorSettings, first_day: int) -> World:
    """The world on the day (since 1970) on which its stream starts; people are the same for any day."""
    rng = np.random.default_rng([settings.seed, 0])
    places = places_of(settings.countries)
    merchants = draw_merchants(rng, places, settings.merchants, key_of(settings.seed, "merchant"))
    networks = draw_networks(rng, places, settings.customers)
    people = draw_people(
        rng,
        places,
        networks,
        merchants,
        count=settings.customers,
        mean_rate=settings.transactions_per_day,
        first_user=0,
        first_device=0,
    )
    serials = Serials(
        user=settings.customers + first_day * _SERIALS_PER_START,
        device=MAX_DEVICES * settings.customers + first_day * _SERIALS_PER_START,
    )
    return World(settings, places, merchants, networks, people, serials)


def newcomers(world: World, count: int, rng: np.random.Generator) -> People:
    """So many customers who were never here before."""
    return draw_people(
        rng,
        world.places,
        world.networks,
        world.merchants,
        count=count,
        mean_rate=world.settings.transactions_per_day,
        first_user=world.serials.users(count),
        first_device=int(world.serials.devices(MAX_DEVICES * count)[0]) if count else 0,
    )
