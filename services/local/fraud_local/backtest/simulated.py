"""The realistic simulator as a history: its frauds have kinds, and labels come as late as they do there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fraud_producer.simulator import SimulatorSettings, simulate
from fraud_producer.slices import Slice

START = datetime(2025, 1, 1)  # noqa: DTZ001 - event times are naive UTC
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
"""Slices are an hour long: logins of a slice are learned before its transactions are decided."""


@dataclass(frozen=True)
class Simulated:
    """A simulated stretch of time, held in memory; iterating yields it, as often as wanted.

    Attributes:
        path: what it is, for messages.
        rows: transactions that it has.
        first: where it begins, naive UTC.
        last: event time of the latest transaction.
        slices: its hours.
    """

    path: Path
    rows: int
    first: datetime
    last: datetime
    slices: tuple[Slice, ...]

    @property
    def late(self) -> datetime:
        """No date of a simulation is far from the others."""
        return self.last

    @property
    def left_out(self) -> None:
        """Nothing."""

    @property
    def repeats(self) -> None:
        """None that is known of."""

    def __iter__(self) -> Iterator[Slice]:
        """Yield the hours."""
        return iter(self.slices)


def simulated(days: int, customers: int, seed: int) -> Simulated:
    """So many days of so many customers.

    Raises:
        ConfigError: there can't be such a simulation.
    """
    world = SimulatorSettings(seed=seed, customers=customers)
    slices = tuple(simulate(world, START, START + days * DAY, step=HOUR))
    rows = sum(piece.transactions.height for piece in slices)
    last: datetime = next(
        piece.transactions["timestamp"][-1] for piece in reversed(slices) if len(piece.truth)
    )
    return Simulated(Path("the simulation"), rows, START, last, slices)
