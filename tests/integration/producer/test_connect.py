"""The producer operated as a connector of type source."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.connector import Connector
from tests.support.pipeline import Pipeline, until

pytestmark = pytest.mark.stack


@pytest.fixture
def log(pipeline: Pipeline, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What a producer of fifty a second logs."""
    path = tmp_path / "producer.log"
    environment = pipeline.process_environment()
    flags = ("--profile", "seed", "--rate", "50")
    process = forked.started("fraud_producer", *flags, environment=environment, output=path)
    yield path.read_text
    process.terminate()
    assert process.wait(60) == 0


def test_it_is_a_source_that_holds_still_when_paused_and_catches_nothing_up(
    pipeline: Pipeline, log: Callable[[], str]
) -> None:
    name = pipeline.environment["FRAUD_PIPELINE"]
    here = Connector(log, name)
    until(lambda: pipeline.produced() > 20, "it produces")
    here.comes_to(lambda: here.states() == ["RUNNING"], "its task runs")
    assert here.status()["type"] == "source"

    assert here.order("PUT", "/pause") == 202
    here.comes_to(lambda: here.states() == ["PAUSED"], "its task is paused")
    threading.Event().wait(0.5)  # what was handed over before
    before = pipeline.produced()
    threading.Event().wait(1.5)

    assert pipeline.produced() == before
    assert here.order("PUT", "/resume") == 202
    until(lambda: pipeline.produced() > before, "it goes on")


def test_stopped_it_has_no_task_and_resumed_it_has_one(pipeline: Pipeline, log: Callable[[], str]) -> None:
    here = Connector(log, pipeline.environment["FRAUD_PIPELINE"])
    here.comes_to(lambda: here.states() == ["RUNNING"], "its task runs")

    assert here.order("PUT", "/stop") == 204
    here.comes_to(lambda: here.status()["connector"]["state"] == "STOPPED", "it is stopped")

    assert here.status()["tasks"] == []
    assert here.order("PUT", "/resume") == 202
    here.comes_to(lambda: here.states() == ["RUNNING"], "its task runs again")
