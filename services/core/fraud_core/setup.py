"""Creates the topics and registers the schemas: one idempotent step, before anything else runs."""

from dataclasses import replace
from functools import partial

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType
from pydantic import Field

from fraud_core.claims import claim
from fraud_core.error_handling import DeadLetterTopic, ErrorSettings
from fraud_core.errors import UnavailableError
from fraud_core.kafka import admin_client, partition_counts, reason, wait_until
from fraud_core.registry import Registry
from fraud_core.rollouts.first import BaselineSettings
from fraud_core.settings import CoreSettings, PipelineName
from fraud_core.topics import Topic, topics

COMPATIBILITY = "FULL_TRANSITIVE"
"""Old workers read new records during an upgrade, and training reads old ones."""


class SetupSettings(CoreSettings):
    """All settings of `fraudstream setup`."""

    pipeline: PipelineName = "fraud-detector"
    baseline: BaselineSettings = BaselineSettings()
    errors: ErrorSettings = ErrorSettings()
    owner: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._/-]{1,200}$",
        description="Who claims the pipeline and its outputs, as in namespace/release; nobody by default.",
    )
    take_over: bool = Field(
        False,  # noqa: FBT003 - a default
        description="Claim what another owner has claimed, and release the rollout where a FraudModel of "
        "another namespace manages it: for one that is gone.",
    )


def setup(settings: CoreSettings, dead_letters: DeadLetterTopic | None = None) -> list[str]:
    """Make what is missing and return what was changed or differs, in words; empty if all was there.

    Args:
        settings: where brokers and registry are, and how topics are made.
        dead_letters: where name or replication of the dead letters' topic differ from the others'.

    Raises:
        UnavailableError: broker or registry can't be reached within `startup_timeout_s`.
        SchemaError: a schema is not compatible with what the registry holds.
        ConfigError: what answers is no schema registry; no topic was made.
    """
    names = topics(settings.topics)
    existing = wait_until(partial(partition_counts, settings.kafka), settings)
    registry = Registry(settings.schema_registry)
    wait_until(registry.check, settings)  # first: topics alone would be half of a set-up
    state = replace(names.state, partitions=existing.get(names.transactions.name, names.state.partitions))
    letters = _as_set(names.dead_letters, dead_letters or DeadLetterTopic())
    wanted = replace(names, state=state, dead_letters=letters).all()
    changes = _ensure_topics(settings, wanted, existing)
    changes += _grown(settings, state, existing)
    for topic in wanted:
        if topic.schema:
            changes += wait_until(partial(registry.ensure, topic, COMPATIBILITY), settings)
    return changes


def claimed(settings: SetupSettings) -> list[str]:
    """Claim the pipeline and its outputs for the owner, if there is one; gives what was done, in words.

    Raises:
        ConfigError: another owner has claimed one of them.
        UnavailableError: Kafka can't be reached.
    """
    if settings.owner is None:
        return []
    names = topics(settings.topics)
    letters = _as_set(names.dead_letters, settings.errors.deadletterqueue.topic)
    outputs = [topic.name for topic in (names.classified, names.alerts, letters)]
    return claim(settings, settings.owner, settings.pipeline, outputs, take_over=settings.take_over)


def _as_set(usual: Topic, dead_letters: DeadLetterTopic) -> Topic:
    return replace(
        usual, name=dead_letters.name or usual.name, replication_factor=dead_letters.replication.factor
    )


def _ensure_topics(settings: CoreSettings, wanted: tuple[Topic, ...], existing: dict[str, int]) -> list[str]:
    admin, replication = admin_client(settings.kafka), settings.topics.replication_factor
    changes = []
    for topic in wanted:
        if topic.name in existing:
            changes += _differences(admin, topic)
        elif _create(admin, topic, replication):
            changes.append(f"created topic {topic.name} with {topic.partitions} partitions")
    return changes


def _grown(settings: CoreSettings, state: Topic, existing: dict[str, int]) -> list[str]:
    """The state topic has as many partitions as the input; partitions can only be added."""
    found = existing.get(state.name, state.partitions)
    if found >= state.partitions:
        return []
    admin = admin_client(settings.kafka)
    grown = admin.create_partitions([NewPartitions(state.name, state.partitions)])
    try:
        grown[state.name].result(30)
    except KafkaException as error:
        raise UnavailableError(f"{state.name} could not get more partitions: {reason(error)}.") from error
    return [f"raised topic {state.name} from {found} to {state.partitions} partitions, as the input has"]


def _create(admin: AdminClient, topic: Topic, replication: int) -> bool:
    factor = replication if topic.replication_factor is None else topic.replication_factor
    new = NewTopic(topic.name, topic.partitions, factor, config=topic.config)
    try:
        admin.create_topics([new])[topic.name].result(30)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise UnavailableError(f"The topic {topic.name} could not be created: {reason(error)}.") from error
    return True


def _differences(admin: AdminClient, topic: Topic) -> list[str]:
    """A topic that exists is its owner's: what differs is told, and kept."""
    resource = ConfigResource(ResourceType.TOPIC, topic.name)
    try:
        found = admin.describe_configs([resource])[resource].result(10)
    except KafkaException:
        return []
    return [
        f"kept topic {topic.name} with {name}={found[name].value} (new ones get {value})"
        for name, value in topic.config.items()
        if name in found and _normal(found[name].value) != _normal(value)
    ]


def _normal(value: str | None) -> frozenset[str]:
    return frozenset((value or "").split(","))
