import pytest
import structlog
from structlog.testing import LogCapture

from fraud_producer import delivery
from fraud_producer.delivery import Counts, Failures, Outage

STANDSTILL = "the brokers take no records; trying on"


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that an outage is measured by; a test changes its only element."""
    now = [0.0]
    monkeypatch.setattr("fraud_producer.delivery.time.monotonic", lambda: now[0])
    return now


def looks(outage: Outage, seconds: list[float], until: float, delivered: int, queued: int) -> None:
    while seconds[0] < until:
        seconds[0] += 0.5
        outage.look(delivered, queued, 0)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """What is logged."""
    capture = LogCapture()
    monkeypatch.setattr(delivery, "log", structlog.wrap_logger(None, processors=[capture]))
    return capture


def events(said: LogCapture) -> list[str]:
    return [entry["event"] for entry in said.entries]


def test_a_standstill_is_told_once_in_ten_seconds_and_its_end_once(
    seconds: list[float], said: LogCapture
) -> None:
    outage = Outage("broker:9092", 120)
    looks(outage, seconds, 30, delivered=5, queued=9)
    assert events(said) == [STANDSTILL] * 3
    looks(outage, seconds, 31, delivered=14, queued=0)
    looks(outage, seconds, 60, delivered=14, queued=0)
    assert events(said) == [STANDSTILL] * 3 + ["the brokers take records again"]


def test_a_source_that_is_slow_is_no_standstill_of_the_brokers(
    seconds: list[float], said: LogCapture
) -> None:
    outage = Outage("broker:9092", 120)
    seconds[0] = 60.0
    outage.look(0, 5_000, 0)
    assert events(said) == []


def test_what_is_on_its_way_does_not_count_as_delivered() -> None:
    assert Counts(produced=10, failed=2, labels=3, labels_failed=0, queued=4).delivered == 4


def test_failures_are_told_by_reason_with_the_first_by_name() -> None:
    failures = Failures()
    failures.add("transactions", "ann", "timed out")
    failures.add("fraud_labels", "t1", "timed out")
    failures.add("transactions", "bob", "too large")
    assert "3 of 1,000 records were not delivered: timed out (2), too large (1)" in str(failures.error(1_000))
    assert "transactions with key 'ann'" in str(failures.error(1_000))
