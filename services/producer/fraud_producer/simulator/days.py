"""One simulated day after the other, for ever."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from fraud_producer.simulator.details import with_details
from fraud_producer.simulator.frames import transactions_of, truth_of
from fraud_producer.simulator.fraud import Underworld, frauds_of
from fraud_producer.simulator.ids import key_of
from fraud_producer.simulator.labels import labels_of
from fraud_producer.simulator.life import night_before
from fraud_producer.simulator.logins import logins_of
from fraud_producer.simulator.ordinary import ordinary_day
from fraud_producer.simulator.rows import DAY, Rows, joined, taken
from fraud_producer.simulator.scene import Scene
from fraud_producer.simulator.settings import SimulatorSettings
from fraud_producer.simulator.world import World, make_world

# Each stage of each day has a stream of chance of its own, so that no stage disturbs another.
_LIFE, _ORDINARY, _FRAUD, _DETAILS, _LABELS, _LOGINS = range(1, 7)


@dataclass(frozen=True)
class Day:
    """A day's whole yield.

    Attributes:
        end: ms since 1970 where the day is over; all later days' rows are not earlier.
        transactions: transaction frame.
        truth: what they are, columns TRUTH_SCHEMA.
        labels: label frame: all labels that these transactions will ever get.
        logins: login frame: what came before these transactions.
    """

    end: int
    transactions: pl.DataFrame
    truth: pl.DataFrame
    labels: pl.DataFrame
    logins: pl.DataFrame


def days(settings: SimulatorSettings, start: int) -> Iterator[Day]:
    """Days of the stream that begins at `start` (ms since 1970); the first one lacks what is before it."""
    first = start // DAY
    world, underworld = make_world(settings, first), Underworld()
    id_key = key_of(settings.seed, start, "transaction")
    carried: list[Rows] = []
    produced, day = 0, first
    while True:
        rows = joined([*carried, *_begun(world, underworld, day)])
        carried = [taken(rows, rows.time >= (day + 1) * DAY)]
        rows = taken(rows, (rows.time >= start) & (rows.time < (day + 1) * DAY))
        rows = with_details(
            taken(rows, np.argsort(rows.time, kind="stable")), _chance(settings, _DETAILS, day)
        )
        yield _day(world, rows, day, produced, id_key)
        produced, day = produced + len(rows), day + 1


def _begun(world: World, underworld: Underworld, day: int) -> list[Rows]:
    """Everything that begins on this day, honest and not."""
    night_before(world, day, _chance(world.settings, _LIFE, day))
    ordinary = ordinary_day(world, day, _chance(world.settings, _ORDINARY, day))
    scene = Scene(world, day, ordinary, _chance(world.settings, _FRAUD, day))
    return [ordinary, *frauds_of(scene, underworld)]


def _day(world: World, rows: Rows, day: int, produced: int, id_key: int) -> Day:
    transactions = transactions_of(world, rows, produced + np.arange(len(rows)), id_key)
    labels = labels_of(world.settings, rows, transactions, _chance(world.settings, _LABELS, day))
    logins = logins_of(rows, transactions, _chance(world.settings, _LOGINS, day))
    return Day((day + 1) * DAY, transactions, truth_of(rows, transactions), labels, logins)


def _chance(settings: SimulatorSettings, stage: int, day: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, stage, day])
