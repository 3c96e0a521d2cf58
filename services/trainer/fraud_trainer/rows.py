"""Transactions that a model may be trained or judged on, in columns."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fraud_core.models.inputs import Floats
from fraud_core.signals import Signal
from fraud_trainer.evaluation import Mask

Ints = NDArray[np.int64]
UNKNOWN = -1


@dataclass(frozen=True)
class Rows:
    """Transactions in order of event time; arrays have an entry a row.

    Attributes:
        values: features and the signals after them, shape (inputs, rows); NaN is unknown.
        times: event times, ms.
        labels: 1 fraud, 0 legitimate, -1 where no label is known.
        known_at: when the label became known, ms; 0 where there is none.
        rules: names of the rules that make the row an alert, joined by commas; "" where none does.
        users: hashes of the users.
        weights: how many transactions each stands for: 1, or more where a sample was labelled.
        scenarios: kind of fraud, "" where unknown.
        reviewed: rows that somebody looks at, as alerts or drawn for review: their labels stand for all.
        sources: who labelled, "" where nobody did.
        signals: the rules that `values` say of whether they fired, in this order; not an array.
    """

    values: Floats
    times: Ints
    labels: NDArray[np.int8]
    known_at: Ints
    rules: NDArray[np.object_]
    users: Ints
    weights: Floats
    scenarios: NDArray[np.object_]
    reviewed: Mask
    sources: NDArray[np.object_]
    signals: tuple[Signal, ...] = ()

    def __len__(self) -> int:
        """How many transactions."""
        return self.times.size

    @property
    def features(self) -> Floats:
        """The values without the signals, shape (features, rows)."""
        return self.values[: len(self.values) - len(self.signals)]

    @cached_property
    def rule_alerts(self) -> Mask:
        """The rows that are alerts by a rule."""
        return np.asarray(self.rules != "", dtype=bool)

    def traffic(self) -> Floats:
        """How many transactions of the traffic each row stands for: of the frauds all were kept.

        Not so `weights`, where what was drawn for review stands for what nobody looked at.
        """
        others = self.weights[self.labels != 1]
        return np.where(self.labels == 1, 1.0, others.min() if others.size else 1.0)

    def between(self, start: int, end: int) -> "Rows":
        """The rows from one moment, in ms, to before another; views, nothing is copied."""
        first, last = np.searchsorted(self.times, [start, end])
        return self.slice(int(first), int(last))

    def take(self, order: Ints) -> "Rows":
        """These rows in this order."""
        return replace(self, **{name: getattr(self, name)[..., order] for name in ARRAYS})

    def slice(self, first: int, end: int) -> "Rows":
        """The rows from one to before another; views, nothing is copied."""
        return replace(self, **{name: getattr(self, name)[..., first:end] for name in ARRAYS})


ARRAYS = tuple(field.name for field in fields(Rows) if field.name != "signals")


def joined(parts: Sequence[Rows], values: Floats, signals: tuple[Signal, ...]) -> Rows:
    """The rows of all parts, one after another; `values` are those of all of them, `signals` among them.

    Raises:
        ValueError: there are no parts.
    """
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS if name != "values"
    }
    return Rows(values=values, signals=signals, **columns)


@dataclass(frozen=True)
class Targets:
    """What a model shall learn of each row.

    Attributes:
        frauds: which are frauds.
        learned: which are learned from.
        assumed: which of these have no label and count as legitimate.
    """

    frauds: Mask
    learned: Mask
    assumed: Mask

    def slice(self, first: int, end: int) -> "Targets":
        """Those of the rows from one to before another."""
        part = slice(first, end)
        return Targets(self.frauds[part], self.learned[part], self.assumed[part])


def targets(rows: Rows, now: int, maturity: int) -> Targets:
    """The targets as of a moment: a label counts once it is known.

    A row without one is legitimate if it is older than `maturity`, and left out if it is younger.

    Args:
        rows: transactions.
        now: when is trained, ms.
        maturity: in ms.
    """
    known = (rows.labels != UNKNOWN) & (rows.known_at <= now)
    assumed = ~known & (rows.times <= now - maturity)
    return Targets(frauds=known & (rows.labels == 1), learned=known | assumed, assumed=assumed)
