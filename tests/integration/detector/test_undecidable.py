"""A record whose decision itself fails is the only dead letter, and whoever reads it again learns as much."""

import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import polars as pl
import pytest
import structlog

from fraud_core.features import advance_each
from fraud_core.rules import evaluate
from fraud_core.settings import load_settings
from fraud_detector import deciding
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import run
from tests.support.pipeline import Pipeline, transactions, until

pytestmark = pytest.mark.stack

CURSED = 123.45
"""The amount of the transaction that nothing can be done with."""
COMPILED_S = 300.0
Logs = list[MutableMapping[str, Any]]


@contextmanager
def working(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[Logs]:
    """A detector in this process, which keeps no state in Kafka, so that a restore reads all input."""
    for name, value in pipeline.environment.items():
        monkeypatch.setenv(name, value)
    loaded = load_settings(
        DetectorSettings, worker="w", state={"durable": False}, http={"enabled": False}, **settings
    )
    stop = threading.Event()
    worker = threading.Thread(target=run, args=(loaded, stop))
    with structlog.testing.capture_logs() as logs:
        worker.start()
        try:
            until(lambda: said(logs, "running"), "its kernels are compiled, and it runs", COMPILED_S)
            yield logs
        finally:
            stop.set()
            worker.join()


def said(logs: Logs, event: str) -> bool:
    return any(line["event"] == event for line in logs)


def cursing(function: Callable[..., Any], frame_of: Callable[..., pl.DataFrame]) -> Callable[..., Any]:
    """The same, but failing at the cursed amount."""

    def failing(*arguments: Any) -> Any:
        if (frame_of(*arguments)["amount"] == CURSED).any():
            raise RuntimeError("made to fail")
        return function(*arguments)

    return failing


@pytest.fixture
def failing_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = cursing(evaluate, lambda _, frame: frame)
    monkeypatch.setattr(deciding, "evaluate", failing)


@pytest.fixture
def failing_features(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = cursing(advance_each, lambda _, frame, *__: frame)
    monkeypatch.setattr(deciding, "advance_each", failing)


def spied_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets the sizes of the batches that are decided from now on."""
    sizes: list[int] = []

    def noting(rules: Any, frame: pl.DataFrame) -> Any:
        sizes.append(frame.height)
        return evaluate(rules, frame)

    monkeypatch.setattr(deciding, "evaluate", noting)
    return sizes


def with_a_cursed_one(first: int, last: int, cursed: int) -> pl.DataFrame:
    """Transactions of one user."""
    frame = transactions(first, last, users=1).with_row_index("number")
    amount = pl.when(pl.col("number") == cursed - first).then(CURSED).otherwise("amount").alias("amount")
    return frame.with_columns(amount).drop("number")


def counted(pipeline: Pipeline, count: int) -> list[float]:
    """How many transactions of its user each decision knows of."""
    found: list[float] = pipeline.decisions(count)["features"].struct.field("txn_per_day").to_list()
    return found


def counted_through_a_restart(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[float], Logs]:
    """What thirty decisions but the cursed one's know, with a restart after twenty, and the logs since."""
    with working(pipeline, monkeypatch):
        pipeline.send(with_a_cursed_one(0, 20, cursed=10))
        pipeline.decisions(19)
        pipeline.dead_letters(1)
    with working(pipeline, monkeypatch) as logs:
        pipeline.send(transactions(20, 30, users=1))
        return counted(pipeline, 29), logs


@pytest.mark.usefixtures("failing_rules")
def test_it_is_learnt_from_all_the_same_live_as_in_a_restore(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = counted_through_a_restart(pipeline, monkeypatch)

    assert known == [number for number in range(1, 31) if number != 11]


@pytest.mark.usefixtures("failing_features")
def test_one_that_nothing_can_be_learnt_from_is_passed_over_live_as_in_a_restore(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, logs = counted_through_a_restart(pipeline, monkeypatch)

    assert known == list(range(1, 30))
    assert sum(line["event"] == "not_learnt" for line in logs) == 1


@pytest.mark.usefixtures("failing_rules")
def test_where_it_stops_its_task_the_others_go_on_in_large_batches(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(pipeline, monkeypatch, errors={"tolerance": "none"}) as logs:
        pipeline.send(with_a_cursed_one(0, 100, cursed=10))
        until(lambda: said(logs, "task_failed"), "the task fails")
        assert pipeline.decisions(10).height == 10
        sizes = spied_on(monkeypatch)
        pipeline.send(transactions(100, 4_000, users=300))
        pipeline.decisions(2_000)

    assert max(sizes) > 1
