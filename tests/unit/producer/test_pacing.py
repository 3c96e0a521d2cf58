from dataclasses import dataclass

import numpy as np
import pytest

from fraud_producer.pacing import AfterHistory, Clock, FlatOut, NeverPassingNow, Steady, Times, WhileOpen

MANY = np.zeros(1_000_000, dtype=np.int64)


@dataclass
class HandClock:
    """A clock that shows what a test sets, in seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def times(*millis: int) -> Times:
    return np.array(millis, dtype=np.int64)


def test_flat_out_waits_for_nothing() -> None:
    pace = FlatOut()
    assert (pace.due(MANY), pace.due_labels(MANY), pace.wait_s(1)) == (len(MANY), len(MANY), 0.0)


@pytest.mark.parametrize("rate", [0.5, 3.0, 1_000.0, 123_456.0])
def test_a_steady_rate_neither_drifts_nor_bursts(rate: float) -> None:
    clock = HandClock(50.0)
    pace = Steady(rate, clock)
    sent = 0
    for tick in range(2_000):
        clock.now = 50.0 + tick * 0.0071
        sent += pace.due(MANY)
        assert abs(sent - 1 - (clock.now - 50.0) * rate) <= 1


def test_the_first_transaction_goes_at_once_and_the_next_waits_for_its_turn() -> None:
    clock = HandClock()
    pace = Steady(2.0, clock)
    assert (pace.due(MANY), pace.due(MANY)) == (1, 0)
    assert pace.wait_s(0) == pytest.approx(0.5)


def test_a_long_standstill_is_not_caught_up_in_a_burst() -> None:
    clock = HandClock()
    pace = Steady(100.0, clock)
    pace.due(MANY)
    clock.now = 3_600.0
    assert pace.due(MANY) == 101


def test_a_clock_lets_rows_go_when_their_time_comes_faster_than_in_reality() -> None:
    clock = HandClock(7.0)
    pace = Clock(origin_ms=1_000_000, speed=60.0, clock=clock)
    waiting = times(1_000_000, 1_030_000, 1_060_000, 1_060_001)
    assert pace.due(waiting) == 1
    assert pace.wait_s(1_030_000) == pytest.approx(0.5)
    clock.now = 8.0
    assert (pace.due(waiting), pace.due_labels(waiting)) == (3, 3)


def test_the_clock_starts_when_it_is_first_asked() -> None:
    clock = HandClock()
    pace = Clock(origin_ms=0, speed=1.0, clock=clock)
    clock.now = 100.0
    assert pace.due(times(0, 1)) == 1


def test_no_row_passes_now() -> None:
    wall = HandClock(2.0)
    pace = NeverPassingNow(FlatOut(), wall)
    waiting = times(1_999, 2_000, 2_001, 5_000)
    assert (pace.due(waiting), pace.due_labels(waiting)) == (2, 2)
    assert pace.wait_s(5_000) == pytest.approx(3.0)
    wall.now = 5.0
    assert pace.due(waiting) == 4


def test_history_goes_flat_out_and_the_other_pace_begins_after_it() -> None:
    clock = HandClock()
    pace = AfterHistory(Clock(origin_ms=1_000, speed=1.0, clock=clock), origin_ms=1_000)
    assert pace.due(times(0, 500, 999, 1_000, 2_000)) == 3
    assert pace.wait_s(999) == 0.0
    clock.now = 60.0
    assert pace.due(times(1_000, 2_000)) == 1
    assert pace.wait_s(2_000) == pytest.approx(1.0)


def test_nothing_goes_while_the_gate_is_closed_and_nothing_is_caught_up_afterwards() -> None:
    clock, is_open = HandClock(), True
    pace = WhileOpen(Steady(2.0, clock), lambda: is_open, clock)
    assert pace.due(MANY) == 1

    is_open, clock.now = False, 0.5
    assert (pace.due(MANY), pace.due_labels(MANY)) == (0, 0)
    clock.now = 60.0
    assert pace.due(MANY) == 0
    is_open = True

    assert pace.due(MANY) == 1
    clock.now = 62.0
    assert pace.due(MANY) == 3, "a second of debt, as ever"


def test_a_clock_stands_still_while_the_gate_is_closed() -> None:
    clock, is_open = HandClock(), True
    pace = WhileOpen(Clock(0, 1_000.0, clock), lambda: is_open, clock)
    rows = times(0, 1_000, 2_000, 50_000)
    assert pace.due(rows) == 1

    is_open = False
    assert pace.due(rows) == 0
    clock.now = 40.0
    is_open = True

    assert pace.due(rows) == 1, "no event time has passed"
    clock.now = 40.002
    assert pace.due(rows) == 3
