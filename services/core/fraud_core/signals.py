"""Signals: whether each rule with action `signal` fired, as models read it.

A model's input is called `rule:` and the rule's name. The same name may mean something else tomorrow, so
decisions log a signal by its name and the digest of its expression, and bundles name both, too: what one rule
said is never taken for what another says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from fraud_core.schemas import feature_names

PREFIX = "rule:"


@dataclass(frozen=True)
class Signal:
    """A rule with action `signal`.

    Attributes:
        rule: its name.
        digest: of what its expression says.
    """

    rule: str
    digest: str

    @property
    def input(self) -> str:
        """What models call it."""
        return PREFIX + self.rule

    @property
    def key(self) -> str:
        """What `Decision.signals` calls it."""
        return f"{self.rule}:{self.digest}"

    @classmethod
    def of(cls, key: str) -> Self:
        """The one that `Decision.signals` calls so."""
        rule, _, digest = key.rpartition(":")
        return cls(rule, digest)


def input_names(signals: Sequence[Signal]) -> tuple[str, ...]:
    """The rows of a matrix that models score: all features, and these signals after them."""
    return (*feature_names(), *(signal.input for signal in signals))
