"""Fraud that a merchant is part of: card numbers skimmed at a till, and rings that cycle money."""

from dataclasses import dataclass, field, replace

import numpy as np

from fraud_producer.simulator.chance import around, happens
from fraud_producer.simulator.connections import Connection, own_connection, repeated, strangers_connection
from fraud_producer.simulator.ordinary import running
from fraud_producer.simulator.rows import (
    DAY,
    HOUR,
    MINUTE,
    NONE,
    Bools,
    Ints,
    Kind,
    Rows,
    joined,
    none,
    taken,
)
from fraud_producer.simulator.scene import Scenario, Scene, customary_time, online_shops_of
from fraud_producer.simulator.spending import online, usual_amounts

_SKIMMING_DAYS, _RING_DAYS = (4, 9), (10, 26)
_MEAN_SKIMMING_DAYS = sum(_SKIMMING_DAYS) / 2
_MOST_HITS_A_SKIMMER, _ROWS_A_RING = 150, 3
_MOST_OF_VISITORS = 0.6
_VICTIMS_A_DEVICE = 3
_HIT_DAYS = 3
_PAYMENTS_A_CARD = 3.0
_TRANSFER_SHARE = 0.3
_PAYMENTS_A_MEMBER = 4
_MEMBERS, _RING_MERCHANTS = 12, 4
_LOOT = ("electronics", "marketplace", "fashion", "travel", "gaming")


@dataclass
class Skimmer:
    """A merchant where card numbers are copied until the end of a day.

    Attributes:
        merchant: where.
        until: the last day, since 1970.
        promise: payments that its visitors' cards are good for, about.
        slots: of each day's visitors.
        users: their serial numbers; a slot may be somebody else's when the card is used.
    """

    merchant: int
    until: int
    promise: float
    slots: list[Ints] = field(default_factory=list)
    users: list[Ints] = field(default_factory=list)


@dataclass(frozen=True)
class Ring:
    """Customers who move money in circles through merchants of theirs, until the end of a day."""

    members: Ints
    users: Ints
    merchants: Ints
    until: int


def skim(scene: Scene, skimmers: list[Skimmer], *, due: float, a_day: float, first: bool) -> list[Skimmer]:
    """Note today's visitors; returns those who are done with it. `skimmers` is kept up to strength.

    Args:
        scene: the day.
        skimmers: those at work, changed in place.
        due: fraudulent transactions that they are behind with, all together.
        a_day: as many more a day.
        first: whether the stream begins today, and finds some in the middle of their work.
    """
    purchases = scene.ordinary.merchant[scene.ordinary.merchant != NONE]
    wanted, days = due + a_day * _MEAN_SKIMMING_DAYS, (1, _SKIMMING_DAYS[1]) if first else _SKIMMING_DAYS
    while len(purchases) and sum(skimmer.promise for skimmer in skimmers) < wanted:
        skimmers.append(_skimmer(scene, purchases, days))
    for skimmer in skimmers:
        here = scene.ordinary.merchant == skimmer.merchant
        skimmer.slots.append(scene.ordinary.slot[here])
        skimmer.users.append(scene.ordinary.user[here])
    done = [skimmer for skimmer in skimmers if skimmer.until <= scene.day]
    skimmers[:] = [skimmer for skimmer in skimmers if skimmer.until > scene.day]
    return done


def _skimmer(scene: Scene, purchases: Ints, days: tuple[int, int]) -> Skimmer:
    """One at a merchant of today, the busy ones more often."""
    merchant = int(purchases[scene.rng.integers(0, len(purchases))])
    visitors = int((purchases == merchant).sum()) * _MEAN_SKIMMING_DAYS
    promise = min(_MOST_HITS_A_SKIMMER, visitors * _MOST_OF_VISITORS * _PAYMENTS_A_CARD)
    return Skimmer(merchant, scene.day - 1 + int(scene.rng.integers(*days)), promise)


def compromised_merchant(scene: Scene, skimmer: Skimmer, count: int, quiet_share: float) -> Rows:
    """About so many payments with the cards of those who were there, within a few days."""
    rng, visited = scene.rng, _visitors(scene, skimmer)
    victims = min(round(count / _PAYMENTS_A_CARD), round(_MOST_OF_VISITORS * len(visited)))
    hit = rng.permutation(visited)[:victims]
    quiet = happens(rng, quiet_share, victims)
    size = np.where(quiet, 1, rng.integers(3, 5, victims))
    which = np.repeat(np.arange(victims), size)
    later = rng.integers(0, _HIT_DAYS, victims) * DAY
    begin = customary_time(scene, hit, in_shops=False) + later
    times = begin[which] + running(size, rng.exponential(9 * MINUTE, len(which)))
    merchants = _loot(scene, hit, which, quiet)
    usual = usual_amounts(scene.world, hit[which], merchants, rng)
    amounts = np.where(quiet[which], usual, around(rng, 200.0, 0.6, len(which)))
    return online(
        scene.world,
        hit[which],
        times,
        merchants,
        amounts,
        repeated(_few_devices(scene, hit), which),
        rng,
        haste=2.2,
        scenario=Scenario.COMPROMISED_MERCHANT,
    )


def _visitors(scene: Scene, skimmer: Skimmer) -> Ints:
    """Slots of those who were there and are still customers."""
    slots, users = np.concatenate(skimmer.slots), np.concatenate(skimmer.users)
    return np.unique(slots[scene.world.people.user[slots] == users])


def _loot(scene: Scene, hit: Ints, which: Ints, quiet: Bools) -> Ints:
    """Where the cards are used: the bold thieves use a few shops for all of them."""
    if not len(hit):
        return none(0)
    few = online_shops_of(scene, hit[: 1 + len(hit) // 8], _LOOT)
    return np.where(
        quiet[which],
        online_shops_of(scene, hit[which], _LOOT),
        few[scene.rng.integers(0, len(few), len(which))],
    )


def _few_devices(scene: Scene, hit: Ints) -> Connection:
    """A thief works through several cards on one device."""
    way = strangers_connection(scene.world, hit, scene.rng)
    leader = np.arange(len(hit)) // _VICTIMS_A_DEVICE * _VICTIMS_A_DEVICE
    return replace(way, device_id=way.device_id[leader], device=way.device[leader])


def keep_rings(scene: Scene, rings: list[Ring], a_day: float) -> None:
    """Let old rings end and new ones begin, enough for so many transactions a day."""
    rings[:] = [ring for ring in rings if ring.until > scene.day]
    while len(rings) < max(1, round(a_day / _ROWS_A_RING)):
        rings.append(_ring(scene))


def collusion_ring(scene: Scene, rings: list[Ring], count: int) -> Rows:
    """About so many payments of members to the rings' merchants and to one another."""
    parts = [
        _sitting(scene, ring, share)
        for ring, share in zip(rings, _shares(scene, len(rings), count), strict=True)
    ]
    return joined(parts)


def _ring(scene: Scene) -> Ring:
    world, rng = scene.world, scene.rng
    country = world.places.country[world.people.home[rng.integers(0, len(world.people))]]
    compatriots = np.flatnonzero(world.places.country[world.people.home] == country)
    members = rng.permutation(compatriots)[:_MEMBERS]
    group = 2 * world.merchants.cities + country
    shops = rng.integers(world.merchants.first[group], world.merchants.first[group + 1], _RING_MERCHANTS)
    return Ring(members, world.people.user[members], shops, scene.day + int(rng.integers(*_RING_DAYS)))


def _shares(scene: Scene, rings: int, count: int) -> list[int]:
    return [int(share) for share in scene.rng.multinomial(count, np.full(rings, 1 / rings))]


def _sitting(scene: Scene, ring: Ring, count: int) -> Rows:
    """A few members move money within an hour or two."""
    world, rng = scene.world, scene.rng
    present = rng.integers(0, len(ring.members), 1 + count // _PAYMENTS_A_MEMBER)
    who, to = present[rng.integers(0, len(present), count)], rng.integers(0, len(ring.members), count)
    still_here = world.people.user[ring.members[who]] == ring.users[who]
    slots, to = ring.members[who][still_here], to[still_here]
    begin = customary_time(scene, ring.members[:1], in_shops=False)
    times = begin + rng.exponential(0.7 * HOUR, len(slots)).astype(np.int64)
    merchants = ring.merchants[rng.integers(0, len(ring.merchants), len(slots))]
    amounts = around(rng, 270.0, 0.45, len(slots))
    way = own_connection(world, slots, times, world.people.home[slots], rng)
    bought = online(world, slots, times, merchants, amounts, way, rng, scenario=Scenario.COLLUSION_RING)
    sent = online(
        world,
        slots,
        times,
        none(len(slots)),
        amounts,
        way,
        rng,
        kind=Kind.TRANSFER,
        payees=ring.users[to],
        scenario=Scenario.COLLUSION_RING,
    )
    transfers = happens(rng, _TRANSFER_SHARE, len(slots)) & (ring.users[to] != world.people.user[slots])
    return joined([taken(bought, ~transfers), taken(sent, transfers)])
