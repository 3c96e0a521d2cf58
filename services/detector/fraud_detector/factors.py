"""Which features moved the score of an alert most, as `Decision.top_factors` has it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from fraud_core.avro.types import arrow_type
from fraud_core.log import logger
from fraud_core.models import LoadedModel

log = logger(__name__)
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Factors:
    """Of some transactions; arrays with an entry a factor.

    Attributes:
        rows: the transaction that it is of.
        features: row of the feature, or of the signal, among all.
        typical: what would be typical.
        contributions: how much it moved the score.
    """

    rows: Ints
    features: Ints
    typical: Floats
    contributions: Floats


def factors(deciding: Iterable[tuple[LoadedModel, Ints]], values: Floats, most: int) -> Factors | None:
    """The features that moved scores most, either way, those of each transaction in order of how much.

    Args:
        deciding: models, and the alerts that each of them decided.
        values: all features, shape (features, transactions); the signals after them, if a model reads any.
        most: so many a transaction at most.

    Returns:
        None where no bundle says what is typical.
    """
    found = (_of_model(model, rows, values, most) for model, rows in deciding if len(rows))
    parts = [part for part in found if part]
    if not parts:
        return None
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    return Factors(
        rows[order],
        np.concatenate([part.features for part in parts])[order],
        np.concatenate([part.typical for part in parts])[order],
        np.concatenate([part.contributions for part in parts])[order],
    )


def column(found: Factors, values: Floats, names: Sequence[str]) -> pa.ListArray:
    """The field `top_factors` of each transaction of a batch; `names` are those of the rows of `values`."""
    kind = arrow_type("Decision").field("top_factors").type
    parts = [
        pa.array(names).take(pa.array(found.features)),
        *map(_nullable, (values[found.features, found.rows], found.typical, found.contributions)),
    ]
    entries = pa.StructArray.from_arrays(parts, fields=list(kind.value_type))
    counts = np.bincount(found.rows, minlength=values.shape[1])
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    return pa.ListArray.from_arrays(offsets, entries, type=kind)


def _of_model(model: LoadedModel, rows: Ints, values: Floats, most: int) -> Factors | None:
    found = model.explain(values[:, rows])
    if found is None:
        return None
    if np.isnan(found.contributions).any():
        _not_explained(model.version)
    sizes = np.abs(found.contributions)
    order = np.argsort(-sizes, axis=0, kind="stable")[:most]
    said = np.take_along_axis(sizes, order, axis=0) > 0  # which NaN is not
    rank, alert = np.nonzero(said)
    feature = order[rank, alert]
    return Factors(
        rows[alert], model.rows[feature], found.typical[feature, alert], found.contributions[feature, alert]
    )


@cache
def _not_explained(version: str) -> None:
    """Once a version: it may be so with every batch."""
    log.warning("alert_not_explained", version=version, reason="it gives no scores for some made-up rows")


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
