"""What a thief has to hand on a given day, and what all thieves do."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from fraud_producer.simulator.categories import position
from fraud_producer.simulator.connections import Connection, mixed, own_connection, strangers_connection
from fraud_producer.simulator.merchants import online_shops_for
from fraud_producer.simulator.rhythm import times_of
from fraud_producer.simulator.rows import DAY, Bools, Ints, Rows
from fraud_producer.simulator.world import World

_TRIES = 6


class Scenario(IntEnum):
    """Kinds of fraud; the names in lower case are those of FraudMix and of the truth."""

    CARD_TESTING = 0
    STOLEN_CARD = 1
    ACCOUNT_TAKEOVER = 2
    COMPROMISED_MERCHANT = 3
    IMPOSSIBLE_TRAVEL = 4
    COLLUSION_RING = 5


@dataclass(frozen=True)
class Scene:
    """One day.

    Attributes:
        world: where it happens.
        day: days since 1970.
        ordinary: what honest customers do on that day.
        rng: where chance comes from.
    """

    world: World
    day: int
    ordinary: Rows
    rng: np.random.Generator


def victims(scene: Scene, count: int) -> Ints:
    """So many customers of today, the busy ones more often."""
    return scene.ordinary.slot[scene.rng.integers(0, len(scene.ordinary), count)]


def any_time(scene: Scene, count: int) -> Ints:
    """Times on this day, by day and night."""
    return scene.day * DAY + scene.rng.integers(0, DAY, count)


def customary_time(scene: Scene, slots: Ints, *, in_shops: bool) -> Ints:
    """Times at which these customers themselves might pay."""
    people = scene.world.people
    offset = scene.world.places.utc_offset[people.home[slots]]
    return times_of(scene.day, people.hours[slots], offset, in_shops=in_shops, rng=scene.rng)


def connections(scene: Scene, slots: Ints, times: Ints, through_customer: Bools) -> Connection:
    """A connection for each victim: the customer's own device where malware or persuasion does it."""
    own = own_connection(scene.world, slots, times, scene.world.people.home[slots], scene.rng)
    return mixed(strangers_connection(scene.world, slots, scene.rng), own, through_customer)


def online_shops_of(scene: Scene, slots: Ints, categories: tuple[str, ...]) -> Ints:
    """Online shops for these victims, of these categories where some can be found in a few tries."""
    merchants = scene.world.merchants
    wanted = [position(name) for name in categories]
    country = scene.world.places.country[scene.world.people.home[slots]]
    found = online_shops_for(merchants, country, scene.rng)
    for _ in range(_TRIES):
        other = online_shops_for(merchants, country, scene.rng)
        found = np.where(np.isin(merchants.category[found], wanted), found, other)
    return found
