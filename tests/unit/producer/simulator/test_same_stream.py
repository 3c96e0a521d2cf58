"""Same seed and start, same stream: nothing else has a say in it."""

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraud_producer.simulator import SimulatorSettings, Slice, simulate
from tests.support.simulating import DAY, START, Simulated, simulated, whole

WORLD = SimulatorSettings(seed=5, customers=60, merchants=300, fraud_share=0.05)
HOUR = timedelta(hours=1)
IDENTITIES = ("transaction_id", "user", "device_id", "merchant", "ip")

PRINT_DIGEST = """
from tests.unit.producer.simulator.test_same_stream import digest
print(digest())
"""


def stream(
    world: SimulatorSettings = WORLD, start: datetime = START, days: int = 9, step: timedelta = HOUR
) -> Simulated:
    return whole(list(simulate(world, start, start + days * DAY, step=step)))


def assert_same(one: Simulated, other: Simulated) -> None:
    assert_frame_equal(one.rows, other.rows)
    assert_frame_equal(one.labels, other.labels)


def digest() -> str:
    found = stream()
    text = found.rows.write_csv() + found.labels.write_csv()
    return hashlib.sha256(text.encode()).hexdigest()


def values(rows: pl.DataFrame, column: str) -> set[Any]:
    return set(rows[column].drop_nulls())


def test_the_same_seed_and_start_give_the_same_stream() -> None:
    assert_same(stream(), stream())


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_another_process_gives_the_same_stream(hash_seed: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == digest()


@settings(max_examples=8)
@given(minutes=st.integers(17, 20_000))
def test_slices_of_any_width_make_up_the_same_stream(minutes: int) -> None:
    assert_same(stream(step=timedelta(minutes=minutes)), stream())


@settings(max_examples=8)
@given(hours=st.floats(0.1, 200))
def test_the_end_cuts_the_stream_and_changes_nothing_before_it(hours: float) -> None:
    end = START + timedelta(hours=hours)
    shorter = whole(list(simulate(WORLD, START, end)))
    complete = stream()
    assert_frame_equal(shorter.rows, complete.rows.filter(pl.col("timestamp") < end))
    assert_frame_equal(shorter.labels, complete.labels.filter(pl.col("labelled_at") < end))


def test_without_an_end_it_goes_on() -> None:
    slices = simulate(WORLD, START, step=DAY)
    endless = whole([next(slices) for _ in range(9)])
    assert_same(endless, stream())


def test_a_start_in_the_middle_of_a_day_leaves_out_what_was_before() -> None:
    noon = START + 12 * HOUR
    found = stream(start=noon, days=2)
    assert found.rows.height > 0
    assert (found.rows["timestamp"] >= noon).all()


def test_a_start_with_a_zone_is_the_same_moment() -> None:
    in_paris = datetime.fromisoformat("2025-01-01T01:00+01:00")
    assert in_paris.astimezone(UTC).replace(tzinfo=None) == START
    zoned = whole(list(simulate(WORLD, in_paris, START + 9 * DAY)))
    assert_same(zoned, stream())


@pytest.mark.parametrize("column", IDENTITIES)
def test_another_seed_shares_no_identity(column: str) -> None:
    one, other = simulated(20, seed=1, customers=2_000), simulated(20, seed=2, customers=2_000)
    shared = values(one.rows, column) & values(other.rows, column)
    # Two networks may hand out the same address once in a while, as the real ones do.
    assert len(shared) <= (0.001 * one.rows[column].n_unique() if column == "ip" else 0)


def test_another_start_meets_the_same_customers_and_repeats_no_transaction() -> None:
    first, later = stream(), stream(start=START + 40 * DAY)
    assert not values(first.rows, "transaction_id") & values(later.rows, "transaction_id")
    assert len(values(first.rows, "user") & values(later.rows, "user")) > 50


def test_newcomers_of_another_start_are_other_people() -> None:
    changing, fixed = (WORLD.model_copy(update={"turnover": share}) for share in (0.1, 0.0))
    first, later = (values(stream(changing, START + after * DAY).rows, "user") for after in (0, 40))
    known = values(stream(fixed, days=30).rows, "user")
    assert first - known
    assert later - known
    assert not (first - known) & (later - known)


@pytest.mark.parametrize("step", [timedelta(minutes=17), HOUR, timedelta(days=2, minutes=1)])
def test_slices_follow_each_other_without_a_gap(step: timedelta) -> None:
    slices = list(simulate(WORLD, START, START + 5 * DAY, step=step))
    assert slices[0].start == START
    assert slices[-1].end == START + 5 * DAY
    assert all(one.end == other.start for one, other in pairwise(slices))
    assert {piece.end - piece.start for piece in slices[:-1]} == {step}


@pytest.mark.parametrize("step", [timedelta(minutes=17), HOUR, timedelta(days=2)])
def test_no_row_is_outside_its_slice(step: timedelta) -> None:
    for piece in simulate(WORLD, START, START + 5 * DAY, step=step):
        assert_inside(piece, piece.transactions["timestamp"])
        assert_inside(piece, piece.labels["labelled_at"])


def assert_inside(piece: Slice, times: pl.Series) -> None:
    assert times.is_between(piece.start, piece.end, closed="left").all()


def test_the_stream_is_in_event_time_order() -> None:
    found = stream()
    assert found.transactions["timestamp"].is_sorted()
    assert found.labels["labelled_at"].is_sorted()


def test_a_slice_in_which_nothing_happens_is_there_and_empty() -> None:
    world = SimulatorSettings(customers=10, merchants=200, transactions_per_day=0.01)
    slices = list(simulate(world, START, START + 5 * DAY))
    assert len(slices) == 5 * 24
    assert any(piece.transactions.is_empty() for piece in slices)
    assert all(piece.transactions.schema == slices[0].transactions.schema for piece in slices)
