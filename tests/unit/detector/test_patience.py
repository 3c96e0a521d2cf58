"""What may heal is tried again with growing delay, until `errors.retry.timeout` is over."""

from itertools import pairwise

import pytest

from fraud_core.error_handling import Delay, Longest, RetrySettings
from fraud_core.errors import TaskFailedError, UnavailableError, UnfinishedError
from fraud_detector.patience import FIRST_DELAY_S, Patience

AWAY = UnavailableError("The registry can't be reached.")


class Clock:
    """Seconds that a test turns forward."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def tries(timeout_ms: int, longest_ms: int, for_s: float) -> list[float]:
    """When it is tried, in seconds from the first failure, by a loop that looks each 10 ms."""
    clock = Clock()
    patience = Patience(RetrySettings(timeout=timeout_ms, delay=Delay(max=Longest(ms=longest_ms))), clock)
    found: list[float] = []
    for tick in range(int(for_s * 100) + 1):
        clock.now = 100 + tick / 100
        if patience.is_due():
            found.append(tick / 100)
            patience.failed(AWAY)
    return found


def test_each_delay_is_twice_the_one_before_up_to_the_longest() -> None:
    found = tries(timeout_ms=-1, longest_ms=1_000, for_s=6)

    delays = [round(later - earlier, 2) for earlier, later in pairwise(found)]
    assert delays[0] == pytest.approx(FIRST_DELAY_S, abs=0.011)
    assert delays[1] == pytest.approx(2 * FIRST_DELAY_S, abs=0.011)
    assert delays[2:] == pytest.approx([1.0] * len(delays[2:]), abs=0.011)


def test_after_the_timeout_the_task_fails_with_the_reason_and_what_to_do() -> None:
    with pytest.raises(TaskFailedError) as failed:
        tries(timeout_ms=1_500, longest_ms=60_000, for_s=10)

    assert str(failed.value).startswith("The registry can't be reached. It was tried for 1.5 s")
    assert "FRAUD_ERRORS__RETRY__TIMEOUT" in str(failed.value)


def test_without_a_timeout_the_first_failure_is_the_last() -> None:
    with pytest.raises(TaskFailedError):
        tries(timeout_ms=0, longest_ms=60_000, for_s=0)


def test_minus_one_is_for_ever() -> None:
    assert tries(timeout_ms=-1, longest_ms=60_000, for_s=1_000)[-1] > 900


def test_after_a_success_it_begins_anew() -> None:
    clock = Clock()
    patience = Patience(RetrySettings(timeout=1_000), clock)
    patience.failed(AWAY)

    patience.succeeded()
    clock.now += 5

    assert patience.is_due()
    patience.failed(AWAY)


def test_what_only_takes_its_time_is_due_at_once_and_never_fails() -> None:
    clock = Clock()
    patience = Patience(RetrySettings(timeout=0), clock)

    for _ in range(100):
        patience.failed(UnfinishedError("more to ask"))
        clock.now += 2

        assert patience.is_due()
