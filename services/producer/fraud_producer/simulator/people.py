"""Customers: where they live, what they own, what they are used to."""

from dataclasses import dataclass, fields

import numpy as np

from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.merchants import Merchants, online_shops_for, shops_of
from fraud_producer.simulator.networks import Networks, homes_in, one_of
from fraud_producer.simulator.places import Places
from fraud_producer.simulator.rows import NONE, Bools, Device, Floats, Ints, none

FAVOURITES = 8
MAX_DEVICES = 3
_HOME_SPREAD_DEGREES = 0.08
_RATE_SPREAD = 0.7
_FAMILY_SHARE = 0.25
_COMMUTER_SHARE = 0.3
_COMMUTE_KM = 450.0
_HOURS_SHARES = (0.62, 0.20, 0.13, 0.05)


@dataclass
class People:
    """The customers of today; a slot is one after another's place, arrays are changed as life goes on.

    Attributes:
        user: serial number of the customer in each slot, never used again.
        home: city.
        latitude: of the home, degrees.
        longitude: likewise.
        rate: transactions a day, mean.
        spending: factor on typical amounts.
        online_share: share of purchases made online.
        hours: position in rhythm.HOURS.
        device_id: serial numbers, shape (slots, MAX_DEVICES); NONE where there are fewer.
        device: Device of each, same shape.
        home_ip: current address at home.
        work_ip: address at work.
        vpn: uses a VPN now and then.
        shares_position: lets online shops know the position.
        second_card: somebody at home holds a card of the same account.
        work: city of work, for most the home city.
        shops: habitual shops, the first one most, shape (slots, FAVOURITES).
        online_shops: likewise online.
        away: city of the journey, NONE at home.
        away_until: day since 1970 on which the journey is over.
        away_ip: address where one stays.
    """

    user: Ints
    home: Ints
    latitude: Floats
    longitude: Floats
    rate: Floats
    spending: Floats
    online_share: Floats
    hours: Ints
    device_id: Ints
    device: Ints
    home_ip: Ints
    work_ip: Ints
    vpn: Bools
    shares_position: Bools
    second_card: Bools
    work: Ints
    shops: Ints
    online_shops: Ints
    away: Ints
    away_until: Ints
    away_ip: Ints

    def __len__(self) -> int:
        """Number of slots."""
        return len(self.user)


def draw_people(
    rng: np.random.Generator,
    places: Places,
    networks: Networks,
    merchants: Merchants,
    *,
    count: int,
    mean_rate: float,
    first_user: int,
    first_device: int,
) -> People:
    """So many new customers, with serial numbers of users and devices from these on."""
    home = rng.choice(len(places.weight), size=count, p=places.weight)
    home_ip = homes_in(places.octets, places.country[home], rng)
    device, device_id = _devices(rng, count, first_device)
    family = _families(rng, count)
    for shared in (home, home_ip):
        shared[family] = shared[family - 1]
    # A family's tablet is everybody's: the same device under two customers.
    device_id[family, 2], device[family, 2] = device_id[family - 1, 2], device[family - 1, 2]
    return People(
        user=first_user + np.arange(count),
        home=home,
        latitude=places.latitude[home] + rng.normal(0.0, _HOME_SPREAD_DEGREES, count),
        longitude=places.longitude[home] + rng.normal(0.0, _HOME_SPREAD_DEGREES, count),
        rate=np.clip(mean_rate * rng.lognormal(-(_RATE_SPREAD**2) / 2, _RATE_SPREAD, count), 0.05, 60.0),
        spending=rng.lognormal(0.0, 0.3, count),
        online_share=rng.beta(2.2, 3.0, count),
        hours=rng.choice(len(_HOURS_SHARES), size=count, p=_HOURS_SHARES),
        device_id=device_id,
        device=device,
        home_ip=home_ip,
        work_ip=one_of(networks.offices, places.country[home], rng),
        vpn=happens(rng, 0.04, count),
        shares_position=happens(rng, 0.3, count),
        second_card=happens(rng, 0.1, count),
        work=_work(rng, places, home),
        shops=np.stack([shops_of(merchants, home, rng) for _ in range(FAVOURITES)], axis=1),
        online_shops=np.stack(
            [online_shops_for(merchants, places.country[home], rng) for _ in range(FAVOURITES)], axis=1
        ),
        away=none(count),
        away_until=none(count),
        away_ip=none(count),
    )


def settle(people: People, slots: Ints, newcomers: People) -> None:
    """Let newcomers take these slots, one each."""
    for field in fields(People):
        getattr(people, field.name)[slots] = getattr(newcomers, field.name)


def _devices(rng: np.random.Generator, count: int, first: int) -> tuple[Ints, Ints]:
    kinds = np.tile(np.array([Device.MOBILE, Device.DESKTOP, Device.TABLET], dtype=np.int64), (count, 1))
    serials = first + np.arange(count * MAX_DEVICES).reshape(count, MAX_DEVICES)
    owned = np.column_stack([np.ones(count, dtype=bool), happens(rng, 0.6, count), happens(rng, 0.25, count)])
    return np.where(owned, kinds, NONE), np.where(owned, serials, NONE)


def _families(rng: np.random.Generator, count: int) -> Ints:
    """Slots that live with the slot before them."""
    second = np.arange(1, count, 2)
    return second[happens(rng, _FAMILY_SHARE, len(second))]


def _work(rng: np.random.Generator, places: Places, home: Ints) -> Ints:
    """City of work: now and then another one within reach by train, be it in another country."""
    other = rng.integers(0, len(places.weight), len(home))
    commutes = happens(rng, _COMMUTER_SHARE, len(home)) & (places.km[home, other] < _COMMUTE_KM)
    return np.where(commutes, other, home)
