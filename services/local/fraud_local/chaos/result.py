"""What a run of chaos says at its end."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from fraud_local.chaos.outcome import Outcome
from fraud_local.chaos.proof import Differences


@dataclass(frozen=True)
class Result:
    """A run that has ended.

    Attributes:
        seed: of the plan.
        seconds: how long there was load.
        interrupted: whether somebody ended it before its time.
        acts: that were done, by kind.
        skipped: why some were not, by kind.
        ended_by_themselves: exit status -> detectors that ended so, and were started again.
        produced: records on the input, poison included.
        decided, dead_letters: outputs of the disturbed pipeline.
        aborted_outputs: outputs that only a read-uncommitted reader sees.
        longest_stall_s: longest time in which nothing was decided.
        longest_stall_began: when, as logs tell time (UTC); empty where there was none.
        longest_wait_s: longest from a transaction's Kafka timestamp to its decision.
        differences: what the proof found; None if there was no proof.
    """

    seed: int
    seconds: float
    interrupted: bool
    acts: dict[str, int]
    skipped: dict[str, str]
    ended_by_themselves: dict[int, int]
    produced: int
    decided: int = 0
    dead_letters: int = 0
    aborted_outputs: int = 0
    longest_stall_s: float = 0.0
    longest_stall_began: str = ""
    longest_wait_s: float = 0.0
    differences: Differences | None = None

    @property
    def proven(self) -> bool:
        """Whether the proof was made and found nothing."""
        return self.differences is not None and not self.differences.count

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "proven": self.proven}


@dataclass(frozen=True)
class Stalls:
    """The longest time without a decision, when it began, and the longest that a transaction waited."""

    longest_s: float = 0.0
    began: str = ""
    wait_s: float = 0.0


def stalls(decisions: pl.DataFrame) -> Stalls:
    """How even the stream of decisions was."""
    if decisions.is_empty():
        return Stalls()
    times = decisions.select(
        at=pl.col("decided_at"),
        waited=pl.col("decided_at").dt.epoch("ms") - pl.col("produced_at"),
    ).sort("at")
    gaps = times["at"].diff().dt.total_milliseconds().fill_null(0)
    before = times["at"][max((gaps.arg_max() or 0) - 1, 0)]
    return Stalls(
        _seconds(gaps.max()), f"{before.isoformat(timespec='milliseconds')}Z", _seconds(times["waited"].max())
    )


def _seconds(milliseconds: Any) -> float:  # noqa: ANN401 - polars gives a scalar of any type
    return round(float(milliseconds or 0) / 1_000, 3)


def aborted(written: int, outcome: Outcome) -> int:
    """Outputs that are written and not committed."""
    return written - outcome.decisions.height - outcome.letters.height


def lines(result: Result) -> Iterator[str]:
    """For people."""
    yield f"seed {result.seed}, {result.seconds:.0f} s of load{', interrupted' if result.interrupted else ''}"
    for kind, count in sorted(result.acts.items()):
        yield f"  {kind:<26}{count:>6}"
    for kind, why in sorted(result.skipped.items()):
        yield f"  {kind:<26}skipped: {why}"
    for status, count in sorted(result.ended_by_themselves.items()):
        yield f"  detectors that ended with exit status {status} and were started again: {count}"
    yield (
        f"produced {result.produced:,}, decided {result.decided:,}, dead letters {result.dead_letters:,}, "
        f"aborted outputs {result.aborted_outputs:,}"
    )
    yield (
        f"longest stall {result.longest_stall_s:.1f} s, from {result.longest_stall_began or 'nowhere'}; "
        f"longest wait {result.longest_wait_s:.1f} s"
    )
    yield _verdict(result.differences)
    for text in result.differences.first if result.differences else ():
        yield f"  {text}"


def _verdict(differences: Differences | None) -> str:
    if differences is None:
        return "Nothing was compared."
    if differences.count:
        return f"{differences.count:,} differences, the first of them:"
    return (
        "Every record has exactly one decision or dead letter, "
        "and all decisions equal those of an undisturbed run."
    )
