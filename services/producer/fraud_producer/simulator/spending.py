"""Single transactions in full: at a shop or machine, and online. Honest people and thieves pay alike."""

import numpy as np

from fraud_producer.simulator.categories import MEDIAN, SPREAD
from fraud_producer.simulator.chance import around, happens
from fraud_producer.simulator.connections import Connection
from fraud_producer.simulator.rows import MINUTE, NONE, Device, Floats, Ints, Kind, Rows, none
from fraud_producer.simulator.world import World

_CONTACTLESS_PHONE_SHARE = 0.35
_SESSION_MINUTES, _SESSION_SPREAD, _LONGEST_SESSION = 6.0, 0.9, 240.0


def usual_amounts(world: World, slots: Ints, merchants: Ints, rng: np.random.Generator) -> Floats:
    """What these customers spend at these merchants."""
    category = world.merchants.category[merchants]
    typical = MEDIAN[category] * world.merchants.price[merchants] * world.people.spending[slots]
    return np.asarray(typical * np.exp(SPREAD[category] * rng.standard_normal(len(slots))))


def at_place(
    world: World,
    slots: Ints,
    times: Ints,
    merchants: Ints,
    cities: Ints,
    amounts: Floats,
    rng: np.random.Generator,
    *,
    kind: Kind = Kind.PURCHASE,
    phone_share: float = _CONTACTLESS_PHONE_SHARE,
    scenario: int = NONE,
) -> Rows:
    """Payments with the card, or the phone instead of it, at shops or cash machines of these cities."""
    count, people = len(slots), world.people
    by_phone = happens(rng, phone_share, count)
    return Rows(
        time=times,
        slot=slots,
        user=people.user[slots],
        kind=np.full(count, kind, dtype=np.int64),
        amount=amounts,
        country=world.places.country[cities],
        currency=world.places.country[people.home[slots]],
        device=np.where(by_phone, Device.MOBILE, Device.TERMINAL),
        device_id=np.where(by_phone, people.device_id[slots, 0], NONE),
        merchant=merchants,
        category=world.merchants.category[merchants],
        payee=none(count),
        ip=none(count),
        latitude=world.merchants.latitude[merchants],
        longitude=world.merchants.longitude[merchants],
        session=none(count),
        scenario=np.full(count, scenario, dtype=np.int64),
    )


def online(
    world: World,
    slots: Ints,
    times: Ints,
    merchants: Ints,
    amounts: Floats,
    connection: Connection,
    rng: np.random.Generator,
    *,
    kind: Kind = Kind.PURCHASE,
    payees: Ints | None = None,
    haste: float = 1.0,
    scenario: int = NONE,
) -> Rows:
    """Payments in an online session; a haste above 1 makes sessions shorter. Merchants may be NONE."""
    count, people = len(slots), world.people
    minutes = around(rng, _SESSION_MINUTES / haste, _SESSION_SPREAD, count).clip(0.05, _LONGEST_SESSION)
    return Rows(
        time=times,
        slot=slots,
        user=people.user[slots],
        kind=np.full(count, kind, dtype=np.int64),
        amount=amounts,
        country=connection.country,
        currency=world.places.country[people.home[slots]],
        device=connection.device,
        device_id=connection.device_id,
        merchant=merchants,
        category=np.where(merchants == NONE, NONE, world.merchants.category[merchants]),
        payee=none(count) if payees is None else payees,
        ip=connection.ip,
        latitude=connection.latitude,
        longitude=connection.longitude,
        session=times - (minutes * MINUTE).astype(np.int64),
        scenario=np.full(count, scenario, dtype=np.int64),
    )
