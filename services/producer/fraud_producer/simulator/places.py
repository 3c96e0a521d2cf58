"""Countries, their cities and their networks: the geography that customers and merchants live in.

Amounts are in the currency that the customer's card is billed in, and all of these are worth about the same,
so that one threshold on amounts means one thing everywhere.
"""

from dataclasses import dataclass

import numpy as np

from fraud_producer.simulator.rows import Floats, Ints

KM_PER_DEGREE = 111.2

# country: (share of customers, billing currency, first octets of its networks)
COUNTRIES: dict[str, tuple[float, str, tuple[int, int]]] = {
    "US": (0.24, "USD", (24, 68)),
    "GB": (0.12, "GBP", (81, 86)),
    "DE": (0.10, "EUR", (79, 91)),
    "FR": (0.10, "EUR", (82, 90)),
    "ES": (0.06, "EUR", (83, 88)),
    "IT": (0.06, "EUR", (87, 93)),
    "NL": (0.05, "EUR", (77, 84)),
    "CH": (0.04, "CHF", (85, 178)),
    "CA": (0.05, "CAD", (99, 142)),
    "AU": (0.04, "AUD", (101, 124)),
    "SG": (0.03, "SGD", (111, 116)),
    "IN": (0.04, "USD", (49, 117)),
    "BR": (0.03, "USD", (177, 189)),
    "JP": (0.02, "USD", (60, 126)),
    "MX": (0.02, "USD", (187, 201)),
}

# country, latitude, longitude, weight within the country, hours from UTC (summer time is left out)
_CITIES: tuple[tuple[str, float, float, float, int], ...] = (
    ("US", 40.71, -74.01, 5, -5),
    ("US", 41.88, -87.63, 3, -6),
    ("US", 34.05, -118.24, 4, -8),
    ("US", 29.76, -95.37, 2, -6),
    ("US", 25.76, -80.19, 2, -5),
    ("US", 47.61, -122.33, 1, -8),
    ("GB", 51.51, -0.13, 6, 0),
    ("GB", 53.48, -2.24, 2, 0),
    ("GB", 55.95, -3.19, 1, 0),
    ("DE", 52.52, 13.40, 3, 1),
    ("DE", 48.14, 11.58, 2, 1),
    ("DE", 53.55, 9.99, 2, 1),
    ("DE", 50.94, 6.96, 1, 1),
    ("FR", 48.86, 2.35, 5, 1),
    ("FR", 45.76, 4.84, 2, 1),
    ("FR", 43.30, 5.37, 2, 1),
    ("ES", 40.42, -3.70, 3, 1),
    ("ES", 41.39, 2.17, 2, 1),
    ("ES", 37.39, -5.98, 1, 1),
    ("IT", 41.90, 12.50, 3, 1),
    ("IT", 45.46, 9.19, 2, 1),
    ("IT", 40.85, 14.27, 1, 1),
    ("NL", 52.37, 4.90, 3, 1),
    ("NL", 51.92, 4.48, 1, 1),
    ("CH", 47.38, 8.54, 2, 1),
    ("CH", 46.20, 6.14, 1, 1),
    ("CA", 43.65, -79.38, 3, -5),
    ("CA", 45.50, -73.57, 2, -5),
    ("CA", 49.28, -123.12, 1, -8),
    ("AU", -33.87, 151.21, 3, 10),
    ("AU", -37.81, 144.96, 2, 10),
    ("SG", 1.35, 103.82, 1, 8),
    ("IN", 19.08, 72.88, 2, 5),
    ("IN", 28.61, 77.21, 2, 5),
    ("IN", 12.97, 77.59, 2, 5),
    ("BR", -23.55, -46.63, 3, -3),
    ("BR", -22.91, -43.17, 2, -3),
    ("JP", 35.68, 139.69, 3, 9),
    ("JP", 34.69, 135.50, 1, 9),
    ("MX", 19.43, -99.13, 3, -6),
    ("MX", 21.16, -86.85, 1, -5),
)


@dataclass(frozen=True)
class Places:
    """The chosen part of the world; cities and countries are known by their positions here.

    Attributes:
        countries: ISO codes.
        currencies: of each country, ISO 4217.
        octets: first octets of each country's networks, shape (countries, 2).
        country: of each city, its position in `countries`.
        latitude: of each city, degrees.
        longitude: of each city, degrees.
        utc_offset: of each city, hours.
        weight: share of customers who live in each city; sums to 1.
        km: distances between cities, shape (cities, cities).
    """

    countries: tuple[str, ...]
    currencies: tuple[str, ...]
    octets: Ints
    country: Ints
    latitude: Floats
    longitude: Floats
    utc_offset: Ints
    weight: Floats
    km: Floats


def places_of(countries: tuple[str, ...]) -> Places:
    """The cities of these countries, which must be keys of COUNTRIES."""
    cities = [city for city in _CITIES if city[0] in countries]
    country = np.array([countries.index(city[0]) for city in cities])
    latitude, longitude = (np.array([city[i] for city in cities]) for i in (1, 2))
    within = np.array([city[3] for city in cities], dtype=np.float64)
    share = np.array([COUNTRIES[code][0] for code in countries])
    weight = share[country] * within / np.bincount(country, within)[country]
    return Places(
        countries=countries,
        currencies=tuple(COUNTRIES[code][1] for code in countries),
        octets=np.array([COUNTRIES[code][2] for code in countries]),
        country=country,
        latitude=latitude,
        longitude=longitude,
        utc_offset=np.array([city[4] for city in cities]),
        weight=weight / weight.sum(),
        km=great_circle_km(latitude[:, None], longitude[:, None], latitude[None, :], longitude[None, :]),
    )


def great_circle_km(
    latitude_a: Floats,
    longitude_a: Floats,
    latitude_b: Floats,
    longitude_b: Floats,
) -> Floats:
    """Great-circle distances in km between points given in degrees; the arrays broadcast."""
    phi_a, phi_b = np.radians(latitude_a), np.radians(latitude_b)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = np.radians(longitude_b - longitude_a) / 2
    chord = np.sin(half_phi) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(half_lambda) ** 2
    distance: Floats = 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    return distance
