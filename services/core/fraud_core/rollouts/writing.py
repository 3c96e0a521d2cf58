"""Writes a rollout, if nobody else writes one of the same pipeline meanwhile."""

from collections.abc import Callable
from functools import partial

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud_core.avro.record import encode_record
from fraud_core.connect.board import watched
from fraud_core.errors import UnavailableError
from fraud_core.kafka import FENCED, client_config, partition_counts, reason, wait_until
from fraud_core.producers import producer
from fraud_core.registry import Registry
from fraud_core.rollouts.applied import generation_in
from fraud_core.rollouts.records import BundleRef, Rollout
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics

TIMEOUT_S = 10.0
ISSUER = "fraudstream setup"
"""Who writes the first rollout of a pipeline, and the one that releases it from a FraudModel that is gone."""

Following = Callable[[Rollout | None], Rollout | None]


def write_rollout(settings: CoreSettings, pipeline: str, following: Following) -> Rollout | None:
    """Write what follows on the pipeline's latest rollout.

    All writers of a pipeline share a transactional id. Whoever begins later fences the earlier one, so
    between the reading of the latest rollout and the writing of the next there is no other.

    Args:
        settings: where the topics are.
        pipeline: whose rollout it is.
        following: gives the next rollout from the latest, None if there is none yet; or None, to write none.

    Returns:
        What was written.

    Raises:
        UnavailableError: Kafka or the registry can't be reached, or somebody else writes at this time.
        SchemaError: the schema is not registered.
    """
    topic, registry = topics(settings.topics).rollouts, Registry(settings.schema_registry)
    schema_id = wait_until(partial(registry.id_of, topic), settings)
    try:
        producer = _producer(settings, pipeline)
        rollout = following(latest_rollout(settings, registry, pipeline))
        if rollout is not None:
            value = encode_record("Rollout", schema_id, rollout.to_record())
            producer.begin_transaction()
            producer.produce(topic.name, value, pipeline)
            producer.commit_transaction(TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() in FENCED:
            raise UnavailableError(
                f"Somebody else writes a rollout of {pipeline} at this very time. Look at it with "
                "`fraudstream models list`, and try again."
            ) from error
        raise UnavailableError(f"The rollout could not be written: {reason(error)}. Try again.") from error
    return rollout


def latest_rollout(settings: CoreSettings, registry: Registry, pipeline: str) -> Rollout | None:
    """The pipeline's latest rollout; None where there is none.

    Raises:
        UnavailableError: Kafka or the registry can't be reached.
    """
    with watched(settings, registry, lambda _: None, on_rollout=lambda _: None) as board:
        wait_until(board.refresh, settings)
        return board.rollouts().get(pipeline)


def begin(settings: CoreSettings, pipeline: str, champion: BundleRef | None) -> Rollout | None:
    """Write the first rollout of a pipeline that has none; gives it, or None where there is one.

    Raises:
        UnavailableError: Kafka or the registry can't be reached.
    """

    def first(latest: Rollout | None) -> Rollout | None:
        if latest is not None:
            return None
        generation = 1 + applied_generation(settings, pipeline)
        return Rollout(pipeline, generation, champion, issued_by=ISSUER)

    return write_rollout(settings, pipeline, first)


def applied_generation(settings: CoreSettings, pipeline: str) -> int:
    """The greatest generation that the committed offsets name: more than 0 if the topic was lost."""
    topic = settings.topics.transactions
    count = partition_counts(settings.kafka).get(topic, 0)
    consumer = Consumer({**client_config(settings.kafka), "group.id": pipeline})
    try:
        places = [TopicPartition(topic, partition) for partition in range(count)]
        committed = consumer.committed(places, TIMEOUT_S) if places else []
    finally:
        consumer.close()
    return max((generation_in(place.metadata) for place in committed), default=0)


def fence_others(settings: CoreSettings, pipeline: str) -> None:
    """Let whoever is about to write a rollout of the pipeline with `write_rollout` fail.

    Raises:
        KafkaException: Kafka can't be reached.
    """
    _producer(settings, pipeline)


def _producer(settings: CoreSettings, pipeline: str) -> Producer:
    made = producer(
        {
            **client_config(settings.kafka),
            "transactional.id": f"{settings.topics.prefix}fraud-rollouts-{pipeline}",
            "transaction.timeout.ms": int(TIMEOUT_S * 1_000),
        }
    )
    made.init_transactions(TIMEOUT_S * 3)
    return made
