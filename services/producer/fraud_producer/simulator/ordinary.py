"""An ordinary day: everything that honest customers do, with all that looks suspicious in it."""

import numpy as np

from fraud_producer.simulator.categories import DEPOSIT, TRANSFER
from fraud_producer.simulator.chance import around, happens
from fraud_producer.simulator.connections import own_connection
from fraud_producer.simulator.merchants import cash_machines_of, online_shops_for, shops_of
from fraud_producer.simulator.people import FAVOURITES
from fraud_producer.simulator.rhythm import day_factor, times_of
from fraud_producer.simulator.rows import DAY, MINUTE, NONE, SECOND, Floats, Ints, Kind, Rows, joined, none
from fraud_producer.simulator.spending import at_place, online, usual_amounts
from fraud_producer.simulator.world import World

TRANSFER_SHARE, WITHDRAWAL_SHARE, DEPOSIT_SHARE = 0.07, 0.05, 0.02
BURST_SHARE, BURST_SIZE = 0.002, (3, 10)
"""Share of customer-days with a shopping spree, and how many payments it has, the end excluded."""
_HABIT_SHARE = 0.75
_TRIP_SHARE = 0.2
_BIG_SHARE = 0.0025
_NEW_PAYEE_SHARE = 0.3
_AWAY_FACTOR = 1.4
_KNOWN_PAYEES = 4
_OTHER_CARD_SHARE = 0.3
_NEAR_WORK_SHARE = 0.4
_OTHER_SHOPS_SHARE = 0.3


def ordinary_day(world: World, day: int, rng: np.random.Generator) -> Rows:
    """All honest transactions that begin on this UTC day (since 1970), unordered; a few run into the next."""
    people, settings = world.people, world.settings
    overhead = 1 + BURST_SHARE * sum(BURST_SIZE) / 2 / settings.transactions_per_day
    away = np.where(people.away == NONE, 1.0, _AWAY_FACTOR)
    count = rng.poisson(people.rate * away * day_factor(day) / overhead)
    slots = np.repeat(np.arange(len(people)), count)
    kind, in_shop = _kinds(world, slots, rng)
    times, cities = _times_and_cities(world, day, slots, in_shop, rng)
    parts = [_sprees(world, day, rng)]
    for make, which in (
        (_shopping, in_shop & (kind == Kind.PURCHASE)),
        (_shopping_online, ~in_shop & (kind == Kind.PURCHASE)),
        (_transfers, kind == Kind.TRANSFER),
        (_withdrawals, kind == Kind.WITHDRAWAL),
        (_deposits, kind == Kind.DEPOSIT),
    ):
        parts.append(make(world, slots[which], times[which], cities[which], rng))
    return joined(parts)


def _kinds(world: World, slots: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    purchases = 1 - TRANSFER_SHARE - WITHDRAWAL_SHARE - DEPOSIT_SHARE
    kinds = [Kind.PURCHASE, Kind.TRANSFER, Kind.WITHDRAWAL, Kind.DEPOSIT]
    shares = [purchases, TRANSFER_SHARE, WITHDRAWAL_SHARE, DEPOSIT_SHARE]
    kind = rng.choice(kinds, size=len(slots), p=shares)
    at_till = (kind == Kind.PURCHASE) & (rng.random(len(slots)) >= world.people.online_share[slots])
    return kind, at_till | (kind == Kind.WITHDRAWAL)


def _times_and_cities(
    world: World, day: int, slots: Ints, in_shop: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    people, places = world.people, world.places
    base = np.where(people.away == NONE, people.home, people.away)[slots]
    stays = people.second_card[slots] & happens(rng, _OTHER_CARD_SHARE, len(slots))
    cities = np.where(stays, people.home[slots], base)
    hours, offset = people.hours[slots], places.utc_offset[cities]
    times = np.where(
        in_shop,
        times_of(day, hours, offset, in_shops=True, rng=rng),
        times_of(day, hours, offset, in_shops=False, rng=rng),
    )
    works = (cities == people.home[slots]) & happens(rng, _NEAR_WORK_SHARE, len(slots))
    cities = np.where(works, people.work[slots], cities)
    return _one_trip(day, slots, times, in_shop, rng), cities


def _one_trip(day: int, slots: Ints, times: Ints, in_shop: Ints, rng: np.random.Generator) -> Ints:
    """Errands go together: some payments follow the customer's one before within minutes."""
    follows = happens(rng, _TRIP_SHARE, len(slots))
    follows[:1] = False
    follows[1:] &= (slots[1:] == slots[:-1]) & (in_shop[1:] == in_shop[:-1])
    later = np.roll(times, 1) + SECOND + rng.exponential(11 * MINUTE, len(slots)).astype(np.int64)
    return np.where(follows & (later < (day + 1) * DAY), later, times)


def _shopping(world: World, slots: Ints, times: Ints, cities: Ints, rng: np.random.Generator) -> Rows:
    people = world.people
    habit = people.shops[slots, _favourite(rng, len(slots))]
    at_home = (cities == people.home[slots]) & happens(rng, _HABIT_SHARE, len(slots))
    merchants = np.where(at_home, habit, shops_of(world.merchants, cities, rng))
    amounts = usual_amounts(world, slots, merchants, rng) * _big(rng, len(slots))
    return at_place(world, slots, times, merchants, cities, amounts, rng)


def _shopping_online(world: World, slots: Ints, times: Ints, cities: Ints, rng: np.random.Generator) -> Rows:
    merchants = online_merchants(world, slots, rng)
    amounts = usual_amounts(world, slots, merchants, rng) * _big(rng, len(slots))
    return online(
        world, slots, times, merchants, amounts, own_connection(world, slots, times, cities, rng), rng
    )


def _transfers(world: World, slots: Ints, times: Ints, cities: Ints, rng: np.random.Generator) -> Rows:
    people, count = world.people, len(slots)
    friends = (slots * 7 + rng.integers(1, 1 + _KNOWN_PAYEES, count) * 131) % len(people)
    strangers = rng.integers(0, len(people), count)
    payees = np.where(happens(rng, _NEW_PAYEE_SHARE, count), strangers, friends)
    amounts = _lognormal(TRANSFER, count, rng) * people.spending[slots]
    connection = own_connection(world, slots, times, cities, rng)
    return online(
        world,
        slots,
        times,
        none(count),
        amounts,
        connection,
        rng,
        kind=Kind.TRANSFER,
        payees=people.user[payees],
    )


def _withdrawals(world: World, slots: Ints, times: Ints, cities: Ints, rng: np.random.Generator) -> Rows:
    machines = cash_machines_of(world.merchants, cities, rng)
    amounts = usual_amounts(world, slots, machines, rng)
    return at_place(
        world, slots, times, machines, cities, amounts, rng, kind=Kind.WITHDRAWAL, phone_share=0.1
    )


def _deposits(world: World, slots: Ints, times: Ints, cities: Ints, rng: np.random.Generator) -> Rows:
    amounts = _lognormal(DEPOSIT, len(slots), rng) * world.people.spending[slots]
    connection = own_connection(world, slots, times, cities, rng)
    return online(world, slots, times, none(len(slots)), amounts, connection, rng, kind=Kind.DEPOSIT)


def _sprees(world: World, day: int, rng: np.random.Generator) -> Rows:
    """Fast shoppers: many payments online within the hour, often small (games, music, tickets)."""
    people, places = world.people, world.places
    who = np.flatnonzero(happens(rng, BURST_SHARE * day_factor(day), len(people)))
    size = rng.integers(*BURST_SIZE, len(who))
    which = np.repeat(np.arange(len(who)), size)
    slots = who[which]
    begin = times_of(day, people.hours[who], places.utc_offset[people.home[who]], in_shops=False, rng=rng)
    times = begin[which] + running(size, rng.exponential(3.5 * MINUTE, len(which)))
    merchants = np.repeat(online_merchants(world, who, rng), size)
    elsewhere = happens(rng, _OTHER_SHOPS_SHARE, len(which))
    merchants = np.where(elsewhere, online_merchants(world, slots, rng), merchants)
    amounts = usual_amounts(world, slots, merchants, rng) * rng.uniform(0.25, 1.0, len(who))[which]
    connection = own_connection(world, slots, times, people.home[slots], rng)
    return online(world, slots, times, merchants, amounts, connection, rng, haste=2.0)


def online_merchants(world: World, slots: Ints, rng: np.random.Generator) -> Ints:
    """Online shops where these customers might buy: one of their usual ones, or another."""
    people = world.people
    usual = people.online_shops[slots, _favourite(rng, len(slots))]
    other = online_shops_for(world.merchants, world.places.country[people.home[slots]], rng)
    return np.where(happens(rng, _HABIT_SHARE, len(slots)), usual, other)


def running(sizes: Ints, gaps: Floats) -> Ints:
    """Time since the first of its group, in ms, of each row: groups of these sizes, rows with these gaps."""
    total = np.cumsum(gaps)
    first = np.cumsum(sizes) - sizes
    return np.asarray(total - np.repeat(total[first[sizes > 0]], sizes[sizes > 0])).astype(np.int64)


def _favourite(rng: np.random.Generator, count: int) -> Ints:
    return (FAVOURITES * rng.random(count) ** 2).astype(np.int64)


def _big(rng: np.random.Generator, count: int) -> Floats:
    return np.where(happens(rng, _BIG_SHARE, count), rng.uniform(4.0, 14.0, count), 1.0)


def _lognormal(shape: tuple[float, float], count: int, rng: np.random.Generator) -> Floats:
    return around(rng, *shape, count)
