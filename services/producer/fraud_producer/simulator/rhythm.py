"""When money is spent: hours of the day, days of the week and pay-day."""

from datetime import UTC, datetime

import numpy as np

from fraud_producer.simulator.rows import DAY, HOUR, Floats, Ints

# Weights of the 24 local hours for workers, people at home by day, night owls and shift workers.
_AWAKE = np.array(
    [
        [1, 0.5, 0.3, 0.2, 0.2, 0.6, 2, 5, 6, 5, 5, 6, 9, 8, 6, 6, 7, 9, 10, 9, 8, 6, 4, 2],
        [0.5, 0.3, 0.2, 0.2, 0.3, 0.8, 2, 4, 7, 9, 10, 10, 8, 7, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1],
        [6, 4, 3, 2, 1, 0.5, 0.5, 1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 7, 8, 8, 9, 9, 9, 8],
        [6, 6, 6, 5, 5, 5, 6, 6, 3, 1, 0.5, 0.4, 0.4, 0.6, 2, 4, 5, 5, 6, 6, 6, 6, 6, 6],
    ],
    dtype=np.float64,
)
# Shops close at night, but for some.
_OPEN = np.array(
    [0.1, 0.05, 0.05, 0.04, 0.05, 0.1, 0.3, 0.7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.9, 0.7, 0.4, 0.2]
)
_WEEK = np.array([0.93, 0.92, 0.95, 1.0, 1.13, 1.2, 0.87])  # from Monday
_MONDAY = 4  # 1970-01-05 was one


def _cumulative(weights: Floats) -> Floats:
    running: Floats = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    return running


_ONLINE_HOURS, _SHOP_HOURS = _cumulative(_AWAKE), _cumulative(_AWAKE * _OPEN)


def day_factor(day: int) -> float:
    """How busy this day since 1970 is, about 1 on average: the week-end and the days after pay-day are."""
    of_month = datetime.fromtimestamp(day * DAY / 1_000, tz=UTC).day
    pay = 1.22 if of_month >= 25 or of_month <= 2 else 0.91  # noqa: PLR2004 - days of the month
    return float(_WEEK[(day - _MONDAY) % 7]) * pay


def times_of(day: int, hours: Ints, utc_offset: Ints, *, in_shops: bool, rng: np.random.Generator) -> Ints:
    """A time within this UTC day for each row, by the local hours that its customer is used to.

    Args:
        day: days since 1970.
        hours: the customers' habits, rows of the table above.
        utc_offset: hours of the place from UTC.
        in_shops: whether shops have to be open.
        rng: where chance comes from.
    """
    table = _SHOP_HOURS if in_shops else _ONLINE_HOURS
    local: Ints = (rng.random(len(hours))[:, None] > table[hours]).sum(axis=1)
    within = rng.integers(0, HOUR, len(hours))
    return day * DAY + ((local - utc_offset) % 24) * HOUR + within


def local_hour(times: Ints, utc_offset: Ints) -> Ints:
    """The local hour of the day, 0 to 23."""
    return (times // HOUR + utc_offset) % 24
