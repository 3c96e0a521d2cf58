"""Whatever happens to the detectors, each transaction is decided once, as in an undisturbed run."""

import random
import signal
import threading
from collections.abc import Iterator

import polars as pl
import pytest

from tests.support.pipeline import Detector, Pipeline, transactions, until

pytestmark = pytest.mark.stack

COUNT = 12_000
OPEN_FOR_LONG = {"BATCH__COMMIT_INTERVAL_MS": "400", "BATCH__MAX_RECORDS": "100"}
"""Small batches and rare commits: a transaction is open at almost any moment."""


@pytest.fixture
def fed(pipeline: Pipeline) -> Iterator[Pipeline]:
    """A pipeline into which transactions flow for some seconds."""

    def feed() -> None:
        for first in range(0, COUNT, 300):
            pipeline.send(transactions(first, first + 300))

    feeding = threading.Thread(target=feed)
    feeding.start()
    yield pipeline
    feeding.join()


def assert_decided_as_if_undisturbed(pipeline: Pipeline) -> None:
    decided = pipeline.decisions(COUNT)
    for detector in pipeline.detectors:
        if detector.process.poll() is None:
            detector.stop()
    undisturbed = undisturbed_run(pipeline)

    assert decided["transaction_id"].is_duplicated().sum() == 0
    assert decided.height == COUNT
    assert decided.drop("decided_at", "pipeline").equals(undisturbed.drop("decided_at", "pipeline"))


def undisturbed_run(pipeline: Pipeline) -> pl.DataFrame:
    """The same input, decided by one worker of another pipeline that nobody disturbs."""
    names = pipeline.settings.topics
    calm_prefix = f"{names.prefix}calm."
    settings = pipeline.settings.model_copy(
        update={"topics": names.model_copy(update={"prefix": calm_prefix})}
    )
    environment = pipeline.environment | {
        "FRAUD_TOPICS__PREFIX": calm_prefix,
        "FRAUD_PIPELINE": f"{pipeline.environment['FRAUD_PIPELINE']}-calm",
    }
    calm = Pipeline(settings, environment, pipeline.logs)
    calm.set_up()
    calm.detector("calm")
    try:
        return calm.decisions(COUNT)
    finally:
        calm.close()


def test_killed_in_the_middle_of_transactions(fed: Pipeline) -> None:
    dice = random.Random(7)
    workers = {name: fed.detector(name, **OPEN_FOR_LONG) for name in ("a", "b")}
    for _ in range(5):
        name = dice.choice("ab")
        workers[name].says("running")
        threading.Event().wait(dice.uniform(0.2, 1.5))
        workers[name].kill()
        workers[name] = fed.detector(name, **OPEN_FOR_LONG)

    assert_decided_as_if_undisturbed(fed)


def test_a_third_joins_and_the_first_leaves(fed: Pipeline) -> None:
    first = fed.detector("a", **OPEN_FOR_LONG)
    first.says("running")
    fed.detector("b", **OPEN_FOR_LONG).says("running")
    fed.detector("c", **OPEN_FOR_LONG).says("running")

    assert first.stop() == 0

    assert_decided_as_if_undisturbed(fed)


def test_stopped_in_a_transaction_replaced_and_woken(fed: Pipeline) -> None:
    quick = OPEN_FOR_LONG | {"GROUP__SESSION_TIMEOUT_MS": "6000", "GROUP__TRANSACTION_TIMEOUT_MS": "4000"}
    stopped = fed.detector("a", **quick)
    stopped.says("running")
    threading.Event().wait(1.0)
    stopped.signal(signal.SIGSTOP)
    replacement = fed.detector("b", **quick)
    replacement.says("running")

    stopped.signal(signal.SIGCONT)

    until(lambda: _gave_up(stopped), "the woken worker notices")
    assert_decided_as_if_undisturbed(fed)


def _gave_up(worker: Detector) -> bool:
    """It is fenced and ends, or it has lost its partitions and begins anew."""
    return worker.process.poll() is not None or any(word in worker.log for word in ("lost", "aborted"))


def test_of_two_workers_with_one_name_the_first_is_fenced_and_says_so(pipeline: Pipeline) -> None:
    first = pipeline.detector("same")
    first.says("running")
    second = pipeline.detector("same")
    second.says("starting")
    pipeline.send(transactions(0, 300))

    assert first.exit_code() == 3
    assert "This worker was fenced" in first.log
    assert "Give each process its own --worker" in first.log
    assert pipeline.decisions(300).height == 300
