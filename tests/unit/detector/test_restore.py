"""A restore that brokers do not answer, or refuse."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from fraud_core.avro import Decoder
from fraud_core.errors import ConfigError
from fraud_core.features import SideTables
from fraud_core.kafka import Config
from fraud_core.registry import Registry
from fraud_core.settings import load_settings
from fraud_core.topics import topics
from fraud_detector import login_log, replay, restore, standing, state_log
from fraud_detector.login_log import LoginLog
from fraud_detector.replay import Replays
from fraud_detector.restore import Restorer
from fraud_detector.settings import DetectorSettings
from fraud_detector.sides import Sides
from fraud_detector.source import consumer_config
from fraud_detector.state_log import StateLog

NOBODY = {"bootstrap_servers": "127.0.0.1:1", "properties": {"log_level": "0"}}
TOPIC = "fraud_state"


@pytest.fixture
def settings() -> DetectorSettings:
    return load_settings(DetectorSettings, kafka=NOBODY)


@pytest.fixture
def restorer(settings: DetectorSettings) -> Iterator[Restorer]:
    sides = Sides(settings, topics(settings.topics), SideTables(), Registry(settings.schema_registry))
    group = Consumer(consumer_config(settings))
    with closing(group), closing(sides), closing(Restorer(settings, group, {}, sides)) as one:
        yield one


def asked_for(restorer: Restorer) -> list[int]:
    """The partitions that one slice asks the brokers for in vain."""
    with structlog.testing.capture_logs() as logs:
        restorer.step()
    return [line["partition"] for line in logs if line["event"] == "restore_waits"]


def test_brokers_that_do_not_answer_are_asked_once_a_slice_for_another_partition_each_time(
    restorer: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "TIMEOUT_S", 0.05)
    monkeypatch.setattr("fraud_detector.restore.RETRY_S", 0.0)
    for partition in range(3):
        restorer.add(partition)

    assert [asked_for(restorer) for _ in range(4)] == [[0], [1], [2], [0]]


@pytest.mark.parametrize(("slice_s", "opened"), [(0.0, 1), (60.0, 3)])
def test_as_many_are_opened_in_one_slice_as_there_is_time_for(
    restorer: Restorer, monkeypatch: pytest.MonkeyPatch, slice_s: float, opened: int
) -> None:
    monkeypatch.setattr(restore, "OPEN_S", slice_s)
    caught_up = standing.Standing(0, 7, 7, decided=True, partitions=3)
    monkeypatch.setattr(restore, "standing", lambda *_: caught_up)
    for partition in range(3):
        restorer.add(partition, as_of=7)

    restorer.step()

    assert list(restorer.ready) == list(range(opened))
    assert restorer.busy == (opened < 3)


@pytest.mark.parametrize(("end", "consumers"), [(7, 1), (8, 2)])
def test_the_input_is_asked_for_the_time_of_a_backlog_alone(
    settings: DetectorSettings, monkeypatch: pytest.MonkeyPatch, end: int, consumers: int
) -> None:
    made: list[Consumer] = []

    def consumer(config: Config) -> Consumer:
        made.append(Consumer(config))
        return made[-1]

    monkeypatch.setattr(login_log, "Consumer", consumer)
    monkeypatch.setattr(login_log, "TIMEOUT_S", 0.05)
    decoder = Decoder("Login", Registry(settings.schema_registry))
    with closing(LoginLog(settings, "logins", decoder)) as logins, pytest.raises(KafkaException):
        logins.add(0, 7, end)

    assert len(made) == consumers


def answering(code: int) -> Callable[..., list[Message]]:
    return lambda *_: [Message(topic=TOPIC, partition=0, offset=-1001, error=KafkaError(code))]


def replaying(settings: DetectorSettings) -> None:
    with closing(Replays(settings)) as replays:
        replays.add(0, 0, 5)
        replays.step(0)


def reading_snapshots(settings: DetectorSettings) -> None:
    with closing(StateLog(settings, TOPIC)) as snapshots:
        snapshots.add(0)
        snapshots.step(0)


@pytest.mark.parametrize("reading", [replaying, reading_snapshots])
def test_brokers_that_refuse_end_it_with_the_reason_and_other_errors_are_told(
    settings: DetectorSettings, monkeypatch: pytest.MonkeyPatch, reading: Callable[[DetectorSettings], None]
) -> None:
    monkeypatch.setattr(state_log, "end_offsets", lambda _, places, *__: dict.fromkeys(places, 5))
    for module in (replay, state_log):
        monkeypatch.setattr(module, "polled", answering(KafkaError.LEADER_NOT_AVAILABLE))
    with structlog.testing.capture_logs() as logs:
        reading(settings)
    for module in (replay, state_log):
        monkeypatch.setattr(module, "polled", answering(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    assert [line["event"] for line in logs] == ["poll_error"]
    with pytest.raises(ConfigError, match="refuses to let this worker read"):
        reading(settings)
