"""Evaluates rules on a batch: which fired where, and the reasons in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from fraud_core.errors import RuleError
from fraud_core.rules.rule import Rule, RuleSet
from fraud_core.rules.template import fill

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Rows = np.ndarray[Any, np.dtype[np.intp]]
Names = np.ndarray[Any, np.dtype[np.object_]]


@dataclass(frozen=True)
class Fired:
    """Which rules fired for which rows of a batch.

    Attributes:
        rules: the rules that were evaluated.
        matrix: one row a rule, one column a transaction.
        frame: the batch, for the values in the reasons.
    """

    rules: tuple[Rule, ...]
    matrix: Mask
    frame: pl.DataFrame

    @property
    def alert(self) -> Mask:
        """Rows for which a rule with action `alert` fired, shape (rows,)."""
        alerting = np.array([rule.action == "alert" for rule in self.rules], dtype=bool)
        return np.asarray(self.matrix[alerting].any(axis=0))

    def signals(self) -> Mask:
        """Where each rule with action `signal` fired, shape (signals, rows)."""
        signalling = np.array([rule.action == "signal" for rule in self.rules], dtype=bool)
        return np.asarray(self.matrix[signalling])

    def alerting(self) -> Names:
        """For each row the names of the rules with action `alert` that fired, joined by commas."""
        found = np.full(self.frame.height, "", dtype=object)
        for rule, fired in zip(self.rules, self.matrix, strict=True):
            if rule.action == "alert":
                found[fired] = [f"{before},{rule.name}".lstrip(",") for before in found[fired]]
        return found

    def names(self) -> list[list[str]]:
        """For each row the names of the rules that fired, in the file's order; the lists are the caller's."""
        lists: list[list[str]] = [[] for _ in range(self.frame.height)]
        for rule, fired in zip(self.rules, self.matrix, strict=True):
            for row in np.flatnonzero(fired).tolist():
                lists[row].append(rule.name)
        return lists

    def reasons(self, selected: Mask | None = None) -> list[list[str]]:
        """For each row of `selected` (default: all) the reasons of the rules that fired.

        Rows that are not selected get an empty list. The lists are the caller's to append to.
        """
        lists: list[list[str]] = [[] for _ in range(self.frame.height)]
        rows = np.arange(self.frame.height) if selected is None else np.flatnonzero(selected)
        for row, texts in zip(rows.tolist(), self.reasons_of(rows), strict=True):
            lists[row] = texts
        return lists

    def reasons_of(self, rows: Rows) -> list[list[str]]:
        """The reasons of these rows alone, in their order: what to ask for where few rows matter."""
        lists: list[list[str]] = [[] for _ in range(len(rows))]
        for rule, fired in zip(self.rules, self.matrix[:, rows], strict=True):
            places = np.flatnonzero(fired)
            for place, text in zip(places.tolist(), self._texts(rule, rows[places]), strict=True):
                lists[place].append(text)
        return lists

    def _texts(self, rule: Rule, rows: Rows) -> list[str]:
        if not len(rows):
            return []
        named = {piece.column for piece in rule.pieces if piece.column is not None}
        if not named:
            return ["".join(piece.text for piece in rule.pieces)] * len(rows)
        return fill(rule.pieces, {name: self.frame[name].gather(rows) for name in named})


def evaluate(rules: RuleSet, frame: pl.DataFrame) -> Fired:
    """Evaluate all rules on a batch.

    Args:
        rules: the rules.
        frame: one row a transaction, with the columns that the rules read; null is unknown.

    Raises:
        RuleError: a rule failed on these values; the message names it.
    """
    matrix = np.zeros((len(rules.rules), frame.height), dtype=bool)
    if matrix.size:
        for row, fired in zip(matrix, _conditions(rules, frame), strict=True):
            row[:] = fired.to_numpy()
    return Fired(rules.rules, matrix, frame)


def _conditions(rules: RuleSet, frame: pl.DataFrame) -> list[pl.Series]:
    try:
        # One after the other in this thread: to hand them to others costs more than a small batch's rules.
        return frame.select_seq([rule.condition.alias(rule.name) for rule in rules.rules]).get_columns()
    except PolarsError as error:
        reason = (str(error).splitlines() or ["unknown"])[0]
        names = ", ".join(rule.name for rule in rules.rules)
        raise RuleError(f"{rules.source}: the rules {names} failed on a batch: {reason}.") from error
