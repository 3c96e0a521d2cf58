"""Merchants: shops and cash machines in cities, online shops of one country or of all, few of them famous."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from fraud_producer.simulator.categories import CASH_MACHINE, NAMES, weights
from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.ids import hex_ids
from fraud_producer.simulator.places import Places
from fraud_producer.simulator.rows import Floats, Ints

_SHOP_SHARE, _CASH_SHARE = 0.55, 0.10
_GLOBAL_SHARE = 0.4
_ZIPF = 0.9
# Some merchants report their head office, not the shop: the classic false alarm of impossible travel.
_HEAD_OFFICE_SHARE = 0.03
_CITY_SPREAD_DEGREES = 0.05


@dataclass(frozen=True)
class Merchants:
    """All merchants, sorted by group: where and how one meets them.

    Groups are, in this order: the shops of each city, the cash machines of each city, the online shops of
    each country, and the online shops of the whole world.

    Attributes:
        name: identity in the stream.
        category: position in CATEGORIES.
        latitude: as the merchant reports it, degrees; NaN online.
        longitude: likewise.
        price: factor on the category's typical amounts.
        cumulative: running sum of popularity over all merchants, from 0; one longer than the others.
        first: first merchant of each group; one longer than there are groups.
        cities: number of cities.
        countries: number of countries.
    """

    name: pl.Series
    category: Ints
    latitude: Floats
    longitude: Floats
    price: Floats
    cumulative: Floats
    first: Ints
    cities: int
    countries: int


def draw_merchants(rng: np.random.Generator, places: Places, count: int, key: int) -> Merchants:
    """Merchants of these places; at least one of each kind everywhere, so maybe a few more than count."""
    cities, countries = len(places.weight), len(places.countries)
    group = np.sort(_groups(rng, places, count))
    first = np.searchsorted(group, np.arange(2 * cities + countries + 2))
    latitude, longitude = _coordinates(rng, places, group)
    category = _categories(rng, group, cities)
    rank = np.arange(len(group)) - first[group]
    popularity = 1.0 / (1.0 + rank) ** _ZIPF
    return Merchants(
        name=_names(category, key),
        category=category,
        latitude=latitude,
        longitude=longitude,
        price=rng.lognormal(0.0, 0.25, len(group)),
        cumulative=np.concatenate([[0.0], np.cumsum(popularity)]),
        first=first,
        cities=cities,
        countries=countries,
    )


def shops_of(merchants: Merchants, cities: Ints, rng: np.random.Generator) -> Ints:
    """A shop in each of these cities, the famous ones more often."""
    return _pick(merchants, cities, rng)


def cash_machines_of(merchants: Merchants, cities: Ints, rng: np.random.Generator) -> Ints:
    """A cash machine in each of these cities."""
    return _pick(merchants, merchants.cities + cities, rng)


def online_shops_for(merchants: Merchants, countries: Ints, rng: np.random.Generator) -> Ints:
    """An online shop for a customer of each of these countries: a domestic one, or one of the world's."""
    domestic = 2 * merchants.cities + countries
    everywhere = 2 * merchants.cities + merchants.countries
    return _pick(merchants, np.where(happens(rng, _GLOBAL_SHARE, len(countries)), everywhere, domestic), rng)


def _pick(merchants: Merchants, group: Ints, rng: np.random.Generator) -> Ints:
    low, high = merchants.cumulative[merchants.first[group]], merchants.cumulative[merchants.first[group + 1]]
    drawn = low + rng.random(len(group)) * (high - low)
    found = np.searchsorted(merchants.cumulative, drawn, side="right") - 1
    return np.clip(found, merchants.first[group], merchants.first[group + 1] - 1)


def _groups(rng: np.random.Generator, places: Places, count: int) -> Ints:
    cities, countries = len(places.weight), len(places.countries)
    shops = max(cities, round(count * _SHOP_SHARE))
    machines = max(cities, round(count * _CASH_SHARE))
    online = max(2 * countries + 2, count - shops - machines)
    worldwide = max(2, round(online * _GLOBAL_SHARE))
    by_country = np.array([places.weight[places.country == country].sum() for country in range(countries)])
    return np.concatenate(
        [
            _one_of_each_then(rng, shops, places.weight),
            cities + _one_of_each_then(rng, machines, places.weight),
            2 * cities + _one_of_each_then(rng, online - worldwide, by_country),
            np.full(worldwide, 2 * cities + countries),
        ]
    )


def _one_of_each_then(rng: np.random.Generator, count: int, weight: Floats) -> Ints:
    rest = rng.choice(len(weight), size=max(0, count - len(weight)), p=weight)
    return np.concatenate([np.arange(len(weight)), rest])


def _categories(rng: np.random.Generator, group: Ints, cities: int) -> Ints:
    kinds = len(NAMES)
    in_shop = rng.choice(kinds, size=len(group), p=weights(online=False))
    online = rng.choice(kinds, size=len(group), p=weights(online=True))
    return np.select([group < cities, group < 2 * cities], [in_shop, CASH_MACHINE], online)


def _coordinates(rng: np.random.Generator, places: Places, group: Ints) -> tuple[Floats, Floats]:
    cities = len(places.weight)
    city = np.where(
        happens(rng, _HEAD_OFFICE_SHARE, len(group)), rng.integers(0, cities, len(group)), group % cities
    )
    here = group < 2 * cities
    jitter = rng.normal(0.0, _CITY_SPREAD_DEGREES, (2, len(group)))
    latitude = np.where(here, places.latitude[city] + jitter[0], np.nan)
    return latitude, np.where(here, places.longitude[city] + jitter[1], np.nan)


def _names(category: Ints, key: int) -> pl.Series:
    return pl.Series(NAMES).gather(category) + hex_ids(np.arange(len(category)), key, prefix="-", digits=8)
