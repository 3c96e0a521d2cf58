"""What money is spent on: categories of merchants, with typical amounts and habits."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from fraud_producer.simulator.rows import Floats


@dataclass(frozen=True)
class Category:
    """A kind of merchant.

    Attributes:
        name: as it stands in `merchant_category`.
        median: typical amount.
        spread: standard deviation of the amount's logarithm.
        in_shops: weight among purchases in shops; 0 where there are none.
        online: weight among purchases online.
    """

    name: str
    median: float
    spread: float
    in_shops: float
    online: float


CATEGORIES: tuple[Category, ...] = (
    Category("grocery", 29.0, 0.75, 30, 4),
    Category("restaurant", 22.0, 0.65, 16, 0),
    Category("coffee", 5.2, 0.45, 12, 0),
    Category("fuel", 44.0, 0.40, 9, 0),
    Category("transport", 7.5, 0.75, 8, 8),
    Category("pharmacy", 17.0, 0.60, 6, 2),
    Category("fashion", 46.0, 0.70, 6, 12),
    Category("home", 52.0, 0.85, 4, 7),
    Category("electronics", 80.0, 0.90, 2, 6),
    Category("hotel", 125.0, 0.60, 1.2, 2),
    Category("food_delivery", 26.0, 0.45, 0, 14),
    Category("marketplace", 31.0, 0.85, 0, 22),
    Category("digital", 9.5, 0.65, 0, 15),
    Category("gaming", 12.0, 0.80, 0, 7),
    Category("travel", 120.0, 0.80, 0, 3),
    Category("cash_machine", 70.0, 0.60, 0, 0),
)
TRANSFER = (55.0, 0.95)
DEPOSIT = (75.0, 0.75)

NAMES = tuple(category.name for category in CATEGORIES)
MEDIAN = np.array([category.median for category in CATEGORIES])
SPREAD = np.array([category.spread for category in CATEGORIES])


def position(name: str) -> int:
    """Where this category stands in CATEGORIES."""
    return NAMES.index(name)


CASH_MACHINE = position("cash_machine")


@cache
def weights(*, online: bool) -> Floats:
    """Shares of the categories among purchases online or in shops; they sum to 1."""
    raw = np.array([category.online if online else category.in_shops for category in CATEGORIES])
    share: Floats = raw / raw.sum()
    return share
