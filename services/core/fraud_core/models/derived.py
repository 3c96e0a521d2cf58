"""Inputs that classifiers read beside the features: how the user's last days compare with the user's month.

All are made of features, row by row, so they belong to the model and not to the record of a decision.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_core.models.inputs import Floats

Columns = Mapping[str, Floats]


def _mean_30d(column: Columns) -> Floats:
    return column["amount"] / column["amount_to_mean_30d"]


def _spread_30d(column: Columns) -> Floats:
    return (column["amount"] - _mean_30d(column)) / column["amount_zscore_30d"]


def _others(column: Columns, count: str, total: str) -> tuple[Floats, Floats]:
    """Number and amount of the window's transactions without the row's own."""
    return column[count] - 1.0, column[total] - column["amount"]


def _mean_1d(column: Columns) -> Floats:
    return column["amount_sum_1d"] / column["txn_per_day"] / _mean_30d(column)


def _mean_7d(column: Columns) -> Floats:
    return column["amount_sum_7d"] / column["txn_7d"] / _mean_30d(column)


def _earlier_7d(column: Columns) -> Floats:
    count, total = _others(column, "txn_7d", "amount_sum_7d")
    return total / count / _mean_30d(column)


def _surplus(column: Columns, count_name: str, total_name: str) -> Floats:
    count, total = _others(column, count_name, total_name)
    return (total - count * _mean_30d(column)) / (_spread_30d(column) * np.sqrt(count))


_MONTH = ("amount", "amount_to_mean_30d")
_DERIVED: dict[str, tuple[tuple[str, ...], Callable[[Columns], Floats]]] = {
    "mean_1d_to_30d": ((*_MONTH, "amount_sum_1d", "txn_per_day"), _mean_1d),
    "mean_7d_to_30d": ((*_MONTH, "amount_sum_7d", "txn_7d"), _mean_7d),
    "earlier_mean_7d_to_30d": ((*_MONTH, "amount_sum_7d", "txn_7d"), _earlier_7d),
    "surplus_1d": (
        (*_MONTH, "amount_zscore_30d", "amount_sum_1d", "txn_per_day"),
        lambda column: _surplus(column, "txn_per_day", "amount_sum_1d"),
    ),
    "surplus_7d": (
        (*_MONTH, "amount_zscore_30d", "amount_sum_7d", "txn_7d"),
        lambda column: _surplus(column, "txn_7d", "amount_sum_7d"),
    ),
    "share_7d_of_30d": (("txn_7d", "txn_30d"), lambda column: column["txn_7d"] / column["txn_30d"]),
}


def derivable(features: tuple[str, ...]) -> tuple[str, ...]:
    """The derived inputs that these features suffice for."""
    return tuple(name for name, (needed, _) in _DERIVED.items() if set(needed) <= set(features))


def with_derived(
    values: NDArray[Any], features: tuple[str, ...], derived: tuple[str, ...] = ()
) -> NDArray[np.float64]:
    """The features, shape (rows, features), with the derived inputs beside them; NaN where unknown.

    The pipeline inside a bundle calls this by name: its module and meaning must stay.
    """
    rows = np.array(values, dtype=np.float64, order="C")
    column = {name: rows[:, number] for number, name in enumerate(features)}
    with np.errstate(divide="ignore", invalid="ignore"):
        made = [_DERIVED[name][1](column) for name in derived]
    return np.column_stack([rows, *(np.where(np.isfinite(values), values, np.nan) for values in made)])
