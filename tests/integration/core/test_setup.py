"""`fraudstream setup` against a real broker and registry."""

import json
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import ConfigResource, NewPartitions, ResourceType
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from fraud_core.error_handling import DeadLetterTopic, Replication
from fraud_core.errors import ConfigError, SchemaError, UnavailableError
from fraud_core.kafka import admin_client, partition_counts
from fraud_core.registry import Registry, UnknownSchemaError
from fraud_core.schemas import schema
from fraud_core.settings import CoreSettings, load_settings
from fraud_core.setup import setup
from fraud_core.topics import topics
from fraud_local.stack import Stack

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Stack) -> CoreSettings:
    prefix = f"setup-{uuid.uuid4().hex[:8]}."
    return load_settings(
        CoreSettings,
        kafka={"bootstrap_servers": stack.addresses.bootstrap_servers},
        schema_registry={"url": stack.addresses.schema_registry_url},
        topics={"prefix": prefix, "transactions": f"{prefix}transactions", "partitions": 4},
        startup_timeout_s=1,
    )


@pytest.fixture
def client(stack: Stack) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": stack.addresses.schema_registry_url}) as one:
        yield one


def test_the_first_run_makes_everything_and_the_second_nothing(settings: CoreSettings) -> None:
    changes = setup(settings)

    names = topics(settings.topics)
    single = (
        names.replays, names.side_tables, names.models, names.rollouts, names.status, names.target_states,
    )  # fmt: skip
    counts = partition_counts(settings.kafka)
    for topic in names.all():
        expected = 1 if topic in single else 4
        assert counts[topic.name] == expected
        assert f"created topic {topic.name} with {expected} partitions" in changes
    assert sum("registered" in change for change in changes) == 7
    assert setup(settings) == []


def test_without_a_registry_no_topic_is_made(settings: CoreSettings) -> None:
    nowhere = settings.schema_registry.model_copy(update={"url": "http://127.0.0.1:9"})

    with pytest.raises(UnavailableError, match="schema registry"):
        setup(settings.model_copy(update={"schema_registry": nowhere}))

    assert not any(name.startswith(settings.topics.prefix) for name in partition_counts(settings.kafka))


def test_an_existing_topic_is_kept_as_it_is_and_the_difference_told(settings: CoreSettings) -> None:
    setup(settings)
    smaller = settings.model_copy(
        update={"topics": settings.topics.model_copy(update={"max_message_bytes": 500_000})}
    )

    changes = setup(smaller)

    alerts = topics(settings.topics).alerts.name
    assert f"kept topic {alerts} with max.message.bytes=2097176 (new ones get 1000000)" in changes


def test_the_dead_letters_topic_has_a_name_and_a_replication_of_its_own(settings: CoreSettings) -> None:
    name = f"{settings.topics.prefix}letters"

    with pytest.raises(UnavailableError, match=rf"{name} could not be created.*replication factor"):
        setup(settings, DeadLetterTopic(name=name, replication=Replication(factor=2)))
    changes = setup(settings, DeadLetterTopic(name=name, replication=Replication(factor=1)))

    assert f"created topic {name} with 4 partitions" in changes
    assert topics(settings.topics).dead_letters.name not in partition_counts(settings.kafka)


@pytest.mark.parametrize(
    "name", ["Transaction", "Decision", "Label", "WorkerStatus", "TargetState", "Rollout"]
)
def test_each_schema_can_grow_by_defaults_only(
    settings: CoreSettings, client: SchemaRegistryClient, name: str
) -> None:
    setup(settings)
    subject = next(topic.subject for topic in topics(settings.topics).all() if topic.schema == name)
    grown, careless, shrunk = schema(name), schema(name), schema(name)
    grown["fields"].append({"name": "channel", "type": ["null", "string"], "default": None})
    careless["fields"].append({"name": "channel", "type": "string"})
    needed = next(field["name"] for field in shrunk["fields"] if "default" not in field)
    shrunk["fields"] = [field for field in shrunk["fields"] if field["name"] != needed]

    assert client.register_schema(subject, Schema(json.dumps(grown), "AVRO")) > 0
    for wrong in (careless, shrunk):
        with pytest.raises(SchemaRegistryError) as refused:
            client.register_schema(subject, Schema(json.dumps(wrong), "AVRO"))
        assert refused.value.http_status_code == 409


def test_an_incompatible_schema_is_refused_with_the_registrys_reason(
    settings: CoreSettings, client: SchemaRegistryClient
) -> None:
    labels = topics(settings.topics).labels
    foreign = schema("Label") | {"fields": [{"name": "x", "type": "int"}]}
    client.set_compatibility(labels.subject, "FULL_TRANSITIVE")
    client.register_schema(labels.subject, Schema(json.dumps(foreign), "AVRO"))

    with pytest.raises(SchemaError) as refused:
        setup(settings)

    assert f"The registry refuses Label.avsc under {labels.subject}" in str(refused.value)
    assert "transaction_id" in str(refused.value) or "ncompatible" in str(refused.value)


def test_an_id_that_nobody_registered_is_told_from_a_registry_that_is_away(settings: CoreSettings) -> None:
    away = settings.schema_registry.model_copy(update={"url": "http://127.0.0.1:1"})

    with pytest.raises(UnknownSchemaError, match="no schema with id 2000000000"):
        Registry(settings.schema_registry).schema_by_id(2_000_000_000)
    with pytest.raises(UnavailableError, match="can't be reached"):
        Registry(away).schema_by_id(1)


def test_a_schema_that_is_not_registered_names_the_command_that_does_it(settings: CoreSettings) -> None:
    with pytest.raises(SchemaError, match="Run `fraudstream setup` first"):
        Registry(settings.schema_registry).id_of(topics(settings.topics).labels)


def test_an_address_that_is_no_registry_says_so(settings: CoreSettings) -> None:
    url = settings.schema_registry.url.removesuffix("/ccompat/v7")
    registry = settings.schema_registry.model_copy(update={"url": url})
    wrong = settings.model_copy(update={"schema_registry": registry})

    with pytest.raises(ConfigError, match="does not answer as a Confluent-compatible schema registry"):
        setup(wrong)


def test_a_broker_that_is_away_is_waited_for_and_then_named() -> None:
    settings = load_settings(CoreSettings, kafka={"bootstrap_servers": "127.0.0.1:1"}, startup_timeout_s=0)

    with pytest.raises(UnavailableError, match=r"No Kafka broker answers at 127\.0\.0\.1:1"):
        setup(settings)


def test_topics_get_the_clean_up_that_the_design_says(settings: CoreSettings) -> None:
    setup(settings)
    labels = ConfigResource(ResourceType.TOPIC, topics(settings.topics).labels.name)

    admin = admin_client(settings.kafka)
    found = admin.describe_configs([labels])[labels].result(10)

    assert set(found["cleanup.policy"].value.split(",")) == {"compact", "delete"}
    assert found["retention.ms"].value == str(400 * 86_400_000)


def test_the_state_topic_follows_the_inputs_partitions(settings: CoreSettings) -> None:
    setup(settings)
    names, admin = topics(settings.topics), admin_client(settings.kafka)
    grown = admin.create_partitions([NewPartitions(names.transactions.name, 7)])
    grown[names.transactions.name].result(10)

    changes = setup(settings)

    assert changes == [f"raised topic {names.state.name} from 4 to 7 partitions, as the input has"]
    assert partition_counts(settings.kafka)[names.state.name] == 7
    assert setup(settings) == []
