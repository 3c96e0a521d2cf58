"""Whose a pipeline and its outputs are, against a real broker."""

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer

from fraud_core.claims import TOPIC, claim
from fraud_core.errors import ConfigError
from fraud_core.kafka import client_config
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_core.rollouts.writing import latest_rollout, write_rollout
from fraud_core.settings import load_settings
from fraud_core.setup import SetupSettings, claimed, setup
from fraud_local.stack import Stack

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Stack) -> SetupSettings:
    name = f"claims-{uuid.uuid4().hex[:8]}"
    return load_settings(
        SetupSettings,
        kafka={"bootstrap_servers": stack.addresses.bootstrap_servers},
        schema_registry={"url": stack.addresses.schema_registry_url},
        topics={"prefix": f"{name}.", "transactions": f"{name}.transactions"},
        pipeline=name,
        owner="here/first",
        startup_timeout_s=30,
    )


def test_nothing_is_claimed_where_nobody_claims(settings: SetupSettings) -> None:
    assert claimed(settings.model_copy(update={"owner": None})) == []


def test_the_first_time_everything_is_claimed_and_the_second_time_nothing(settings: SetupSettings) -> None:
    first, second = claimed(settings), claimed(settings)

    prefix = settings.topics.prefix
    assert first == [
        f"claimed pipeline {settings.pipeline} for here/first",
        f"claimed topic {prefix}classified_transactions for here/first",
        f"claimed topic {prefix}fraud_alerts for here/first",
        f"claimed topic {prefix}transactions_dlq for here/first",
    ]
    assert second == []


def test_what_is_no_claim_is_passed_over(settings: SetupSettings) -> None:
    claimed(settings)
    producer = Producer(client_config(settings.kafka))
    for value in (None, b"", b"\xff\xfe"):
        producer.produce(TOPIC, value, b"\xff\xfe")
    assert producer.flush(60) == 0

    assert claimed(settings) == []


def test_another_owner_gets_neither_the_pipeline_nor_its_outputs(settings: SetupSettings) -> None:
    claimed(settings)
    other = settings.model_copy(update={"owner": "there/second"})

    with pytest.raises(ConfigError) as refused:
        claimed(other.model_copy(update={"topics": settings.topics.model_copy(update={"prefix": "b."})}))
    assert f"pipeline {settings.pipeline}: here/first" in str(refused.value)
    assert "topic" not in str(refused.value).split("\n")[1]

    with pytest.raises(ConfigError) as refused:
        claimed(other.model_copy(update={"pipeline": f"{settings.pipeline}-b"}))
    assert f"topic {settings.topics.prefix}fraud_alerts: here/first" in str(refused.value)
    assert "setup.takeOver" in str(refused.value)


def test_what_an_owner_that_is_gone_had_can_be_taken_over(settings: SetupSettings) -> None:
    claimed(settings)
    other = settings.model_copy(update={"owner": "there/second", "take_over": True})

    assert f"claimed pipeline {settings.pipeline} for there/second, before of here/first" in claimed(other)
    with pytest.raises(ConfigError, match=f"pipeline {settings.pipeline}: there/second"):
        claimed(settings)


def test_of_several_at_once_exactly_one_gets_it(settings: SetupSettings) -> None:
    def attempt(owner: str) -> bool:
        try:
            return bool(claim(settings, owner, settings.pipeline, (), take_over=False))
        except ConfigError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, [f"release/{number}" for number in range(4)])) == 1


def command(settings: SetupSettings, **variables: str) -> "subprocess.CompletedProcess[str]":
    """`fraudstream setup`, for an owner in the namespace `there`."""
    environment = {
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_SCHEMA_REGISTRY__URL": str(settings.schema_registry.url),
        "FRAUD_TOPICS__PREFIX": settings.topics.prefix,
        "FRAUD_TOPICS__TRANSACTIONS": settings.topics.transactions,
        "FRAUD_PIPELINE": settings.pipeline,
        "FRAUD_OWNER": "there/second",
    }
    return subprocess.run(
        [sys.executable, "-m", "fraud_local", "setup"],
        env=environment | variables,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_command_refuses_before_it_makes_a_topic_and_ends_as_for_a_wrong_setting(
    settings: SetupSettings,
) -> None:
    claimed(settings)

    done = command(settings)

    assert done.returncode == 2
    assert f"pipeline {settings.pipeline}: here/first" in done.stderr
    assert "created topic" not in done.stdout


def managed(settings: SetupSettings, manager: str) -> None:
    """Give the pipeline a rollout with a challenger."""
    setup(settings)
    champion, tried = (BundleRef(name, f"kafka://models/{name}", "0" * 64) for name in ("old", "new"))
    rollout = Rollout(
        settings.pipeline, 7, champion=champion, challenger=tried, mode=Mode.SHADOW, managed_by=manager
    )
    assert write_rollout(settings, settings.pipeline, lambda _: rollout)


def latest(settings: SetupSettings) -> Rollout:
    found = latest_rollout(settings, Registry(settings.schema_registry), settings.pipeline)
    assert found is not None
    return found


def test_who_takes_over_gets_the_rollout_too_which_a_fraud_model_of_another_namespace_managed(
    settings: SetupSettings,
) -> None:
    managed(settings, "here/cards/uid-1")
    taking = {"FRAUD_TAKE_OVER": "true"}

    done = command(settings, **taking)

    assert done.returncode == 0, done.stderr
    assert f"released the rollout of {settings.pipeline}, before of the FraudModel here/cards" in done.stdout
    found = latest(settings)
    assert (found.generation, found.managed_by, found.mode) == (8, "cli", Mode.NONE)
    assert found.champion is not None
    assert found.champion.version == "old"
    assert "Nothing to do" in command(settings, **taking).stdout


@pytest.mark.parametrize(
    ("manager", "variables"),
    [
        ("there/cards/uid-1", {"FRAUD_TAKE_OVER": "true"}),
        ("here/cards/uid-1", {}),
        ("cli", {"FRAUD_TAKE_OVER": "true"}),
    ],
)
def test_a_rollout_of_the_own_namespace_or_that_nobody_takes_over_stays_as_it_is(
    settings: SetupSettings, manager: str, variables: dict[str, str]
) -> None:
    managed(settings, manager)

    done = command(settings, **variables)

    assert done.returncode == 0, done.stderr
    assert (latest(settings).generation, latest(settings).managed_by) == (7, manager)
