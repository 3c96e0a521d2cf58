"""Fraud with a stranger at the keyboard: tested card numbers and accounts that were taken over."""

import numpy as np

from fraud_producer.simulator.chance import around, happens
from fraud_producer.simulator.connections import Connection, repeated
from fraud_producer.simulator.ordinary import running
from fraud_producer.simulator.rows import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Bools,
    Floats,
    Ints,
    Kind,
    Rows,
    joined,
    none,
    taken,
)
from fraud_producer.simulator.scene import (
    Scenario,
    Scene,
    any_time,
    connections,
    customary_time,
    online_shops_of,
)
from fraud_producer.simulator.spending import online, usual_amounts

_SMALL_THINGS = ("digital", "gaming", "marketplace", "food_delivery", "transport")
_EASILY_SOLD = ("electronics", "marketplace", "fashion", "travel", "digital")
_OTHER_SHOPS_SHARE, _CASHED_IN_SHARE = 0.3, 0.45
_NIGHT_SHARE, _TRANSFER_SHARE = 0.55, 0.6
# Malware on the customer's own device, or a customer who is talked into it.
_MALWARE_SHARE = 0.45
_QUIET_FACTOR = 0.6
_TAKEOVER_HASTE = 2.2


def card_testing(scene: Scene, slots: Ints, quiet: Bools) -> Rows:
    """Does the number work? Small payments in quick succession, and then maybe a real one."""
    rng, count = scene.rng, len(slots)
    size = np.where(quiet, rng.integers(1, 4, count), rng.integers(5, 15, count))
    which = np.repeat(np.arange(count), size)
    pause = np.where(quiet, 90 * MINUTE, rng.choice([25 * SECOND, 90 * SECOND, 12 * MINUTE], count))
    begin = np.where(quiet, customary_time(scene, slots, in_shops=False), any_time(scene, count))
    times = begin[which] + running(size, rng.exponential(pause[which]))
    elsewhere = happens(rng, _OTHER_SHOPS_SHARE, len(which))
    merchants = np.where(
        elsewhere,
        online_shops_of(scene, slots[which], _SMALL_THINGS),
        online_shops_of(scene, slots, _SMALL_THINGS)[which],
    )
    usual = usual_amounts(scene.world, slots[which], merchants, rng) * _QUIET_FACTOR
    amounts = np.where(quiet[which], usual, _tests(scene, count, which))
    way = connections(scene, slots, begin, quiet & happens(rng, _MALWARE_SHARE, count))
    return online(
        scene.world,
        slots[which],
        times,
        merchants,
        amounts,
        repeated(way, which),
        rng,
        haste=4.0,
        scenario=Scenario.CARD_TESTING,
    )


def account_takeover(scene: Scene, slots: Ints, quiet: Bools) -> Rows:
    """Somebody has the password: a new device at odd hours sends money away or buys what is easily sold."""
    rng, count = scene.rng, len(slots)
    size = np.where(quiet, rng.integers(1, 3, count), rng.integers(2, 6, count))
    which = np.repeat(np.arange(count), size)
    at_night = ~quiet & happens(rng, _NIGHT_SHARE, count)
    begin = np.where(
        at_night, _in_the_small_hours(scene, slots), customary_time(scene, slots, in_shops=False)
    )
    times = begin[which] + running(size, rng.exponential(7 * MINUTE, len(which)))
    way = repeated(connections(scene, slots, begin, quiet & happens(rng, _MALWARE_SHARE, count)), which)
    bold = around(rng, 380.0, 0.65, len(which))
    amounts = np.where(quiet[which], around(rng, 62.0, 0.8, len(which)), bold)
    transfers = happens(rng, _TRANSFER_SHARE, count)[which]
    bought = _bought(scene, slots[which], times, amounts, way)
    sent = _sent(scene, slots[which], _mules(scene, count)[which], times, amounts, way)
    return joined([taken(bought, ~transfers), taken(sent, transfers)])


def _tests(scene: Scene, incidents: int, which: Ints) -> Floats:
    """Amounts of incidents whose rows these are: small ones, the last one maybe not."""
    small = around(scene.rng, 2.6, 0.8, len(which))
    last = np.ones(len(which), dtype=bool)
    last[:-1] = which[1:] != which[:-1]
    pays = last & happens(scene.rng, _CASHED_IN_SHARE, incidents)[which]
    return np.where(pays, around(scene.rng, 190.0, 0.7, len(which)), small)


def _bought(scene: Scene, slots: Ints, times: Ints, amounts: Floats, way: Connection) -> Rows:
    goods = online_shops_of(scene, slots, _EASILY_SOLD)
    return online(
        scene.world,
        slots,
        times,
        goods,
        amounts,
        way,
        scene.rng,
        haste=_TAKEOVER_HASTE,
        scenario=Scenario.ACCOUNT_TAKEOVER,
    )


def _sent(scene: Scene, slots: Ints, mules: Ints, times: Ints, amounts: Floats, way: Connection) -> Rows:
    return online(
        scene.world,
        slots,
        times,
        none(len(slots)),
        amounts,
        way,
        scene.rng,
        kind=Kind.TRANSFER,
        payees=scene.world.people.user[mules],
        haste=_TAKEOVER_HASTE,
        scenario=Scenario.ACCOUNT_TAKEOVER,
    )


def _in_the_small_hours(scene: Scene, slots: Ints) -> Ints:
    offset = scene.world.places.utc_offset[scene.world.people.home[slots]]
    local = scene.rng.integers(0, 6 * HOUR, len(slots))
    return scene.day * DAY + (local - offset * HOUR) % DAY


def _mules(scene: Scene, count: int) -> Ints:
    """Ordinary customers who pass stolen money on."""
    return scene.rng.integers(0, len(scene.world.people), count)
