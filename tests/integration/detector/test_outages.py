"""Broker and registry come and go; the detector waits, says so, and loses nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from confluent_kafka import KafkaException

from fraud_core.errors import UnavailableError
from fraud_core.kafka import admin_client, end_offsets
from fraud_core.settings import load_settings
from fraud_detector.metrics import Metrics
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import run
from fraud_local.stack import Stack
from tests.support.connector import Connector
from tests.support.evolving import evolved_values
from tests.support.pipeline import Pipeline, transactions, until
from tests.support.pipeline import pipeline as made
from tests.support.stack import started
from tests.support.undisturbed import assert_decided_as_if_undisturbed

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.xdist_group("own-stack")]


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that these tests may break without disturbing others."""
    with started(tmp_path_factory.mktemp("own-stack")) as one:
        yield one


@pytest.fixture
def own_pipeline(own_stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = own_stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def send_what_the_registry_is_needed_for(stack: Stack, pipeline: Pipeline) -> None:
    """After 50 decisions, ten transactions of a schema that nobody has read yet, the registry being gone."""
    pipeline.send(transactions(0, 50))
    assert pipeline.decisions(50).height == 50
    evolved = evolved_values(pipeline, 50, 60)
    stack.registry.kill()
    pipeline.send_raw(evolved)


def test_a_registry_that_is_down_at_the_start_is_waited_for(own_stack: Stack, own_pipeline: Pipeline) -> None:
    own_pipeline.send(transactions(0, 50))
    own_stack.registry.kill()
    detector = own_pipeline.detector()
    detector.says("The schema registry at")
    detector.says("can't be reached")

    own_stack.registry.start()

    assert own_pipeline.decisions(50).height == 50
    assert detector.stop() == 0


def test_a_registry_that_is_down_in_the_middle_makes_no_good_record_a_dead_letter(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    detector = own_pipeline.detector()
    send_what_the_registry_is_needed_for(own_stack, own_pipeline)
    detector.says("waiting")

    own_stack.registry.start()

    assert own_pipeline.decisions(60).height == 60
    assert own_pipeline.dead_letters(0) == []
    assert detector.stop() == 0


def test_what_waits_for_the_registry_is_decided_once_when_its_task_is_restarted_meanwhile(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    detector = own_pipeline.detector()
    here = Connector(lambda: detector.log, own_pipeline.name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")
    send_what_the_registry_is_needed_for(own_stack, own_pipeline)
    detector.says("waiting")

    assert here.order("POST", "/restart?includeTasks=true") == httpx2.codes.ACCEPTED
    detector.says("restarting")
    own_stack.registry.start()

    assert own_pipeline.decisions(60)["transaction_id"].n_unique() == 60
    own_pipeline.send(transactions(60, 100))
    assert own_pipeline.decisions(100).height == 100
    assert detector.stop() == 0


def test_what_does_not_heal_within_the_retry_timeout_fails_the_task_and_makes_no_dead_letter(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    detector = own_pipeline.detector(ERRORS__RETRY__TIMEOUT="2000")
    send_what_the_registry_is_needed_for(own_stack, own_pipeline)

    assert detector.exit_code() == 1
    assert "can't be reached" in detector.log
    assert "errors.retry.timeout is 2000 ms" in detector.log
    own_stack.registry.start()
    again = own_pipeline.detector()
    assert own_pipeline.decisions(60).height == 60
    assert own_pipeline.dead_letters(0) == []
    assert again.stop() == 0


def test_a_broker_that_restarts_in_the_middle_loses_and_repeats_nothing(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    detector = own_pipeline.detector()
    own_pipeline.send(transactions(0, 3_000))
    assert own_pipeline.decisions(3_000).height == 3_000

    own_stack.broker.kill()
    own_stack.broker.start()
    own_pipeline.send(transactions(3_000, 6_000))

    decided = own_pipeline.decisions(6_000)
    assert decided.height == 6_000
    assert not decided["transaction_id"].is_duplicated().any()
    assert detector.process.poll() is None
    assert detector.stop() == 0


def test_a_client_that_knew_the_leaders_of_before_a_restart_is_told_again_where_partitions_end(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    admin, topic = admin_client(own_pipeline.settings.kafka), own_pipeline.topics.transactions
    places = [(topic.name, partition) for partition in range(topic.partitions)]
    assert sum(end_offsets(admin, places, 10).values()) == 0
    own_pipeline.send(transactions(0, 10))
    own_stack.broker.kill()
    own_stack.broker.start()

    found: list[int] = []
    until(lambda: _answered(found, lambda: sum(end_offsets(admin, places, 10).values())), "the broker tells")

    assert found == [10]


def _answered(found: list[int], ask: Callable[[], int]) -> bool:
    with suppress(KafkaException):
        found.append(ask())
    return bool(found)


def test_a_broker_that_is_away_for_longer_than_a_transaction_may_last_is_waited_for(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    own_pipeline.send(transactions(0, 12_000))
    detector = own_pipeline.detector(
        BATCH__MAX_RECORDS="100",
        BATCH__COMMIT_INTERVAL_MS="1000",
        GROUP__SESSION_TIMEOUT_MS="6000",
        GROUP__TRANSACTION_TIMEOUT_MS="2000",
    )
    detector.says("running")
    threading.Event().wait(0.5)

    own_stack.broker.kill()
    threading.Event().wait(4.0)
    own_stack.broker.start()

    decided = own_pipeline.decisions(12_000)
    assert decided.height == 12_000
    assert not decided["transaction_id"].is_duplicated().any()
    assert detector.process.poll() is None
    assert detector.stop() == 0


def supervised(settings: DetectorSettings, stop: threading.Event, lives: list[Metrics]) -> None:
    """Run a worker, and start it again when it ends with exit status 75, as after a transaction timed out."""
    while not stop.is_set():
        try:
            run(settings, stop, lives[-1])
        except UnavailableError:
            lives.append(Metrics())


def test_a_broker_that_is_away_for_longer_than_everything_is_told_by_liveness_and_come_back_to(
    own_stack: Stack, own_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fraud_detector.metrics.STUCK_S", 5.0)
    for name, value in own_pipeline.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(
        DetectorSettings,
        batch={"max_records": 10, "commit_interval_ms": 500},  # so it still has work when the broker goes
        group={"session_timeout_ms": 4_000, "transaction_timeout_ms": 2_000},
        http={"enabled": False},
    )
    lives, stop = [Metrics()], threading.Event()
    worker = threading.Thread(target=supervised, args=(settings, stop, lives))
    own_pipeline.send(transactions(0, 20_000))
    worker.start()
    try:
        until(lambda: lives[-1].decided() > 0, "it is at work")
        own_stack.broker.kill()
        until(lambda: not lives[-1].alive(), "liveness tells that it can't go on")
        threading.Event().wait(5.0)
        own_stack.broker.start()

        until(lambda: lives[-1].alive() and lives[-1].ready(), "it is back")
        assert own_pipeline.decisions(20_000).height == 20_000
    finally:
        stop.set()
        worker.join()
    assert_decided_as_if_undisturbed(own_pipeline, 20_000)
