"""Holds what a disturbed pipeline did against its input, and against what an undisturbed one did."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from fraud_local.chaos.outcome import Outcome

OWN = ("decided_at", "pipeline", "produced_at", "features.device_users_1d")
"""Columns in which two pipelines may differ, and the Kafka timestamp, which is no field of a decision.

What other workers have met on a device is known within seconds, so it depends on when a decision is made."""
FIRST = 10


@dataclass(frozen=True)
class Differences:
    """What does not hold.

    Attributes:
        count: how many there are.
        first: the first of them, in words.
    """

    count: int
    first: tuple[str, ...]


def prove(produced: pl.DataFrame, disturbed: Outcome, undisturbed: Outcome) -> Differences:
    """Every record has one outcome, of its kind, and the two pipelines decided alike in every field.

    Args:
        produced: columns `load.PRODUCED`, each id once.
        disturbed: what came of it under chaos.
        undisturbed: what another pipeline made of the same input.
    """
    found = [
        *miscounted(produced, disturbed, "disturbed"),
        *miscounted(produced, undisturbed, "undisturbed"),
        *unequal(disturbed.decisions, undisturbed.decisions, "decision"),
        *unequal(disturbed.letters, undisturbed.letters, "dead letter"),
    ]
    return Differences(len(found), tuple(found[:FIRST]))


def miscounted(produced: pl.DataFrame, outcome: Outcome, run: str) -> Iterator[str]:
    """Ids that do not have exactly the one outcome that is due to them, or were never produced."""
    found = produced.with_columns(due=1)
    for name, frame in (("decided", outcome.decisions), ("letters", outcome.letters)):
        counts = frame.group_by("transaction_id").agg(pl.len().alias(name))
        found = found.join(counts, on="transaction_id", how="full", coalesce=True)
    found = found.join(_whereabouts(outcome.decisions), on="transaction_id", how="left").with_columns(
        pl.col("due", "decided", "letters").fill_null(0),
        pl.col("poison").fill_null(value=False),
        pl.col("where").fill_null(""),
    )
    due = pl.col("due")
    wrong = (pl.col("decided") != due * ~pl.col("poison")) | (pl.col("letters") != due * pl.col("poison"))
    for row in found.filter(wrong).sort("transaction_id").iter_rows(named=True):
        kind = "poison" if row["poison"] else "transaction" if row["due"] else "unknown record"
        yield (
            f"{run} run: {kind} {row['transaction_id']} has {row['decided']} decisions and "
            f"{row['letters']} dead letters{row['where']}"
        )


def _whereabouts(decisions: pl.DataFrame) -> pl.DataFrame:
    """Where each was read from and when it was decided, in words: what to look for in the logs."""
    place = pl.format("{}:{}", "source_partition", "source_offset")
    read = pl.format("{} at {}", place, pl.col("decided_at").dt.to_string("%H:%M:%S%.3f"))
    return decisions.group_by("transaction_id").agg(
        pl.format(" ({})", read.sort().str.join(" and ")).alias("where")
    )


def unequal(left: pl.DataFrame, right: pl.DataFrame, what: str) -> Iterator[str]:
    """Ids that both have, with a field in which they differ; what is missing or doubled is told elsewhere."""
    ours, theirs = (_once(frame) for frame in (left, right))
    ours, theirs = (
        one.join(other, on="transaction_id", how="semi").sort("transaction_id")
        for one, other in ((ours, theirs.select("transaction_id")), (theirs, ours.select("transaction_id")))
    )
    for column in ours.columns:
        if column not in OWN and not ours[column].equals(theirs[column]):
            yield from _named(ours, theirs, column, what)


def _once(frame: pl.DataFrame) -> pl.DataFrame:
    """Features as columns of their own, so that a difference has a name; ids that are there once."""
    once = frame.filter(pl.col("transaction_id").is_unique())
    if "features" not in once.columns:
        return once
    return once.with_columns(pl.col("features").name.prefix_fields("features.")).unnest("features")


def _named(ours: pl.DataFrame, theirs: pl.DataFrame, column: str, what: str) -> Iterator[str]:
    names = ours["transaction_id"]
    for name, one, other in zip(names, ours[column].to_list(), theirs[column].to_list(), strict=True):
        if _text(one) != _text(other):
            yield f"{what} of {name}: {column} is {_text(one):.100}, undisturbed {_text(other):.100}"


def _text(value: Any) -> str:  # noqa: ANN401 - a field of any type
    """By its text, as NaN is not equal to itself."""
    return repr(value)
