"""Holds what was produced against what was decided: every transaction exactly once, or it is told."""

from dataclasses import dataclass, field

import polars as pl

PRODUCED = pl.Schema(
    {
        "transaction_id": pl.String,
        "amount": pl.Float64,
        "fraud": pl.Boolean,
        "scenario": pl.String,
        "live": pl.Boolean,
        "tutorial": pl.Boolean,
    }
)
"""What is known of a transaction when it is produced; `fraud` is null where nobody knows."""

ARRIVED = pl.Schema(
    {
        "transaction_id": pl.String,
        "outcome": pl.String,
        "score": pl.Float64,
        "latency_ms": pl.Float64,
    }
)
"""What is known of it when it arrives; `outcome` is the topic's part: alert, classified or dead_letter."""


@dataclass(frozen=True)
class Balance:
    """Whether the counts add up.

    Attributes:
        undecided: produced, and neither decided nor a dead letter.
        repeated: arrived once more than they were produced.
        others: arrived without having been produced here, as by `fraudstream try`.
    """

    undecided: int
    repeated: int
    others: int


@dataclass
class Ledger:
    """Matches both sides by transaction_id, in whatever order they come."""

    _produced: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PRODUCED))
    _arrived: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ARRIVED))
    _matched: list[pl.Series] = field(default_factory=list)

    @property
    def undecided(self) -> int:
        """How many were produced and have not arrived."""
        return self._produced.height

    def settle(self, produced: list[pl.DataFrame], arrived: list[pl.DataFrame]) -> pl.DataFrame:
        """Add to both sides; returns the transactions that are on both now, with the columns of both."""
        left = pl.concat([self._produced, *produced])
        right = pl.concat([self._arrived, *arrived])
        first = right["transaction_id"].is_first_distinct()
        once, again = right.filter(first), right.filter(~first)
        matched = left.join(once, on="transaction_id", how="inner", maintain_order="right")
        key = matched.select("transaction_id")
        self._produced = left.join(key, on="transaction_id", how="anti")
        self._arrived = pl.concat([once.join(key, on="transaction_id", how="anti"), again])
        self._matched.append(matched["transaction_id"].hash())
        return matched

    def balance(self) -> Balance:
        """What is left over on either side; call it when nothing is on its way any more."""
        seen = pl.concat([pl.Series(dtype=pl.UInt64), *self._matched])
        repeated = int(self._arrived["transaction_id"].hash().is_in(seen.implode()).sum())
        return Balance(self._produced.height, repeated, self._arrived.height - repeated)
