from datetime import datetime, timedelta
from itertools import islice

import polars as pl

from fraud_producer.live import live_slices
from fraud_producer.pacing import Times
from fraud_producer.slices import TRUTH_SCHEMA, Slice

NOON = datetime(2026, 1, 1, 12)
NOON_S = 1_767_268_800.0


class HandClock:
    """A clock that shows what a test sets, in seconds since 1970."""

    def __init__(self) -> None:
        self.now = NOON_S

    def __call__(self) -> float:
        return self.now


def draw(times: Times) -> pl.DataFrame:
    moments = pl.Series(times).cast(pl.Datetime("ms"))
    return pl.DataFrame({"transaction_id": moments.cast(pl.String), "amount": 1.0, "timestamp": moments})


def times(slices: list[Slice]) -> list[datetime]:
    return pl.concat([piece.transactions for piece in slices])["timestamp"].to_list()


def test_event_times_are_evenly_spaced_from_now_on() -> None:
    found = times(list(islice(live_slices(draw, 2.0, HandClock()), 3)))
    assert found == [NOON + timedelta(seconds=0.5 * row) for row in range(6)]


def test_a_low_rate_is_one_row_at_a_time() -> None:
    found = times(list(islice(live_slices(draw, 0.1, HandClock()), 3)))
    assert found == [NOON + timedelta(seconds=10 * row) for row in range(3)]


def test_after_a_standstill_event_times_go_on_from_now() -> None:
    clock = HandClock()
    slices = live_slices(draw, 2.0, clock)
    next(slices)
    clock.now += 3_600
    assert times([next(slices)])[0] == NOON + timedelta(seconds=3_599)


def test_flat_out_all_of_a_frame_happens_when_it_is_made() -> None:
    clock = HandClock()
    slices = live_slices(draw, None, clock)
    assert set(times([next(slices)])) == {NOON}
    clock.now += 1
    assert set(times([next(slices)])) == {NOON + timedelta(seconds=1)}


def test_nobody_knows_the_truth_and_there_are_no_labels() -> None:
    piece = next(live_slices(draw, 2.0, HandClock()))
    assert piece.labels.is_empty()
    assert piece.truth.schema == TRUTH_SCHEMA
    assert piece.truth["fraud"].to_list() == [None, None]
