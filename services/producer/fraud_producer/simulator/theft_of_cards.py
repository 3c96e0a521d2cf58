"""Fraud with a piece of plastic: stolen cards and cloned ones."""

import numpy as np

from fraud_producer.simulator.categories import CASH_MACHINE
from fraud_producer.simulator.chance import around, happens
from fraud_producer.simulator.merchants import cash_machines_of, shops_of
from fraud_producer.simulator.ordinary import running
from fraud_producer.simulator.rows import HOUR, MINUTE, NONE, Bools, Floats, Ints, Kind, Rows, joined, taken
from fraud_producer.simulator.scene import Scenario, Scene, customary_time
from fraud_producer.simulator.spending import at_place, usual_amounts

_SOME_WAY_KM, _FAR_KM, _NEAR_KM = 300.0, 1_500.0, 900.0
_TRAVELLING_SHARE = 0.65
_CLONE_CASH_SHARE = 0.15


def stolen_card(scene: Scene, slots: Ints, quiet: Bools) -> Rows:
    """A wallet is gone: much is spent at once, often far away; or a little, round the corner."""
    rng, count = scene.rng, len(slots)
    size = np.where(quiet, rng.integers(1, 4, count), rng.integers(3, 8, count))
    which = np.repeat(np.arange(count), size)
    home = scene.world.people.home[slots]
    travels = ~quiet & happens(rng, _TRAVELLING_SHARE, count)
    city = np.where(travels, _cities_beyond(scene, home, _SOME_WAY_KM), home)
    begin = customary_time(scene, slots, in_shops=True)
    times = begin[which] + running(size, rng.exponential(22 * MINUTE, len(which)))
    boldness = np.where(quiet, 0.9, around(rng, 5.0, 0.4, count))
    cash = happens(rng, np.where(quiet, 0.05, 0.3)[which], len(which))
    return _spree(scene, slots[which], times, city[which], cash, boldness[which], Scenario.STOLEN_CARD)


def impossible_travel(scene: Scene, slots: Ints, quiet: Bools) -> Rows:
    """A copy of the card pays far away, soon after the customer paid here; `slots` says only how many."""
    rng, ordinary, count = scene.rng, scene.ordinary, len(slots)
    here = np.flatnonzero(ordinary.session == NONE)
    if not len(here):
        return taken(ordinary, here)
    anchor = here[rng.integers(0, len(here), count)]
    customer = ordinary.slot[anchor]
    size = np.where(quiet, 1, rng.integers(2, 5, count))
    which = np.repeat(np.arange(count), size)
    home = scene.world.people.home[customer]
    city = np.where(quiet, _cities_within(scene, home), _cities_beyond(scene, home, _FAR_KM))
    begin = ordinary.time[anchor] + (rng.uniform(0.1, 4.0, count) * HOUR).astype(np.int64)
    times = begin[which] + running(size, rng.exponential(18 * MINUTE, len(which)))
    boldness = np.where(quiet, 1.0, around(rng, 3.2, 0.45, count))
    cash = happens(rng, _CLONE_CASH_SHARE, len(which))
    return _spree(
        scene, customer[which], times, city[which], cash, boldness[which], Scenario.IMPOSSIBLE_TRAVEL
    )


def _spree(
    scene: Scene, slots: Ints, times: Ints, city: Ints, cash: Bools, boldness: Floats, scenario: Scenario
) -> Rows:
    world, rng = scene.world, scene.rng
    merchants = np.where(
        cash, cash_machines_of(world.merchants, city, rng), shops_of(world.merchants, city, rng)
    )
    amounts = usual_amounts(world, slots, merchants, rng) * boldness
    rows = at_place(world, slots, times, merchants, city, amounts, rng, phone_share=0.0, scenario=scenario)
    drawn = at_place(
        world,
        slots,
        times,
        merchants,
        city,
        amounts,
        rng,
        kind=Kind.WITHDRAWAL,
        phone_share=0.0,
        scenario=scenario,
    )
    machine = world.merchants.category[merchants] == CASH_MACHINE
    return joined([taken(rows, ~machine), taken(drawn, machine)])


def _cities_beyond(scene: Scene, home: Ints, km: float) -> Ints:
    return _cities_between(scene, home, km, np.inf)


def _cities_within(scene: Scene, home: Ints) -> Ints:
    return _cities_between(scene, home, 50.0, _NEAR_KM)


def _cities_between(scene: Scene, home: Ints, low: float, high: float) -> Ints:
    """A city so many km from each of these; the world may be small: else the one that comes closest to it."""
    km = scene.world.places.km
    misfit = np.maximum(0.0, np.maximum(low - km, km - high))
    np.fill_diagonal(misfit, np.finfo(np.float64).max)
    fits = misfit <= misfit.min(axis=1, keepdims=True)
    running_count = fits[home].cumsum(axis=1)
    drawn = scene.rng.integers(0, running_count[:, -1])
    found: Ints = (running_count <= drawn[:, None]).sum(axis=1)
    return found
