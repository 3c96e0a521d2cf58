"""Which broker and registry a command means that a person types."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fraud_core.errors import UnavailableError
from fraud_local import addresses
from fraud_local.stack import datadir
from fraud_local.stack.datadir import State

BROKER, REGISTRY = "127.0.0.1:12345", "http://127.0.0.1:23456/apis/ccompat/v7"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("FRAUD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FRAUD_DATA_DIR", str(tmp_path))


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[None]:
    """A stack that says it runs on the default directory; its servers are not asked here."""
    directory = tmp_path / "stack"
    with datadir.owned(directory):
        state = State(
            owner=os.getpid(),
            owner_started=psutil.Process().create_time(),
            command="fraudstream demo",
            bootstrap_servers=BROKER,
            schema_registry_url=REGISTRY,
            broker_pid=1,
            registry_pid=2,
            broker_version="Apache Kafka 4",
            registry_version="Apicurio Registry 3",
            started_at="2026-01-01T00:00:00+00:00",
        )
        datadir.write_state(directory, state)
        yield


def pair(found: addresses.Found) -> tuple[str, str]:
    return found.settings.kafka.bootstrap_servers, found.settings.schema_registry.url


@pytest.mark.usefixtures("embedded")
def test_without_any_address_the_stack_of_this_machine_is_meant() -> None:
    assert pair(addresses.find()) == (BROKER, REGISTRY)


@pytest.mark.usefixtures("embedded")
def test_flags_win_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "env:9092")
    monkeypatch.setenv("FRAUD_SCHEMA_REGISTRY__URL", "http://env:8081")

    found = addresses.find("flag:9092", "http://flag:8081", "blue.")

    assert pair(found) == ("flag:9092", "http://flag:8081")
    assert found.settings.topics.prefix == "blue."


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
        ("FRAUD_KAFKA", json.dumps({"bootstrap_servers": "127.0.0.1:9092"})),
        ("FRAUD_SCHEMA_REGISTRY__URL", "http://127.0.0.1:8081"),
    ],
)
def test_one_address_in_the_environment_is_never_mixed_with_the_stacks(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert pair(addresses.find()) == ("127.0.0.1:9092", "http://127.0.0.1:8081")


@pytest.mark.usefixtures("embedded")
def test_what_else_the_environment_says_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_TOPICS__PREFIX", "blue.")
    monkeypatch.setenv("FRAUD_SCHEMA_REGISTRY__TIMEOUT_S", "9")

    found = addresses.find()

    assert pair(found) == (BROKER, REGISTRY)
    assert found.settings.topics.prefix == "blue."
    assert found.settings.schema_registry.timeout_s == 9


@pytest.mark.usefixtures("embedded")
def test_a_password_for_another_cluster_does_not_reach_the_stack_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("FRAUD_SCHEMA_REGISTRY__USERNAME", "me")
    monkeypatch.setenv("FRAUD_SCHEMA_REGISTRY__PASSWORD", "hunter2")

    found = addresses.find()

    assert found.settings.kafka.security_protocol == "PLAINTEXT"
    assert found.settings.schema_registry.username is None


def test_where_nothing_runs_and_nothing_is_named_the_usual_addresses_are_tried() -> None:
    assert pair(addresses.find()) == ("127.0.0.1:9092", "http://127.0.0.1:8081")


def test_a_broker_that_was_named_and_is_away_is_named_again() -> None:
    with pytest.raises(UnavailableError, match=r"No Kafka broker answers at 127\.0\.0\.1:1 "):
        addresses.existing_topics(addresses.find("127.0.0.1:1"))


def test_where_nothing_runs_it_says_how_to_start_something() -> None:
    found = addresses.find()
    away = found.settings.model_copy(
        update={"kafka": found.settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})}
    )

    with pytest.raises(UnavailableError, match=r"No stack runs on this machine.*`fraudstream demo`"):
        addresses.existing_topics(addresses.Found(away, guessed=True))
