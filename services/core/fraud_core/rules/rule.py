"""A rule, and the rules of one file."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from fraud_core.errors import RuleError
from fraud_core.signals import Signal

Action = Literal["alert", "signal"]
ACTIONS: tuple[str, ...] = get_args(Action)


@dataclass(frozen=True)
class Piece:
    """A part of a reason: literal text, then the value of a column if one is named."""

    text: str
    column: str | None


@dataclass(frozen=True)
class Rule:
    """A named condition on one transaction.

    Attributes:
        name: unique within the file; stands in `Decision.rules`.
        expression: SQL condition, as the file says it.
        reason: template of the reason, as the file says it.
        action: `alert` makes a transaction fraudulent; `signal` is an input of models, and adds its reason
            once something else does.
        digest: of what the expression says, however it is laid out.
        line: where the rule begins in its file, from 1.
        pieces: the template in parts.
        condition: the expression ready to run; null counts as false.
    """

    name: str
    expression: str
    reason: str
    action: Action
    digest: str
    line: int
    pieces: tuple[Piece, ...]
    condition: pl.Expr = field(compare=False, repr=False)

    @cached_property
    def reads(self) -> frozenset[str]:
        """The columns that the condition reads."""
        return frozenset(self.condition.meta.root_names())


@dataclass(frozen=True)
class RuleSet:
    """The rules of one file, in the file's order.

    Attributes:
        rules: the rules.
        version: digest of what they say; comments and layout do not count.
        source: the file, for messages.
    """

    rules: tuple[Rule, ...]
    version: str
    source: str

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """Those with action `signal`, in the file's order."""
        return tuple(Signal(rule.name, rule.digest) for rule in self.rules if rule.action == "signal")

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that the conditions and the reasons read."""
        conditions = {name for rule in self.rules for name in rule.reads}
        pieces = {piece.column for rule in self.rules for piece in rule.pieces if piece.column}
        return frozenset(conditions | pieces)


@dataclass(frozen=True)
class Place:
    """Where in a rule file something is, for messages."""

    file: Path
    line: int
    rule: str | None = None

    def error(self, reason: str) -> RuleError:
        """The error that says that here something is wrong."""
        rule = f" in rule `{self.rule}`" if self.rule else ""
        return RuleError(f"{self.file}, line {self.line}{rule}: {reason}")
