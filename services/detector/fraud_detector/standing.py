"""Where an input partition is, as the brokers say: what is retained, and what was decided."""

from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import ClusterMetadata

from fraud_core.rollouts.applied import generation_in

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Standing:
    """One partition of the input.

    Attributes:
        first: the first retained offset.
        position: where deciding goes on: the committed offset, or the first where none can be used.
        end: the offset after the last record that can be read.
        decided: whether the records before `position` were decided.
        partitions: how many the input has.
        lost: why the committed offset can't be used; empty where it can, or none was ever committed.
        generation: of the rollout that the partition was decided under; 0 where none is named.
    """

    first: int
    position: int
    end: int
    decided: bool
    partitions: int
    lost: str = ""
    generation: int = 0


def partition_count(metadata: ClusterMetadata, topic: str) -> int:
    """How many partitions the topic has.

    Raises:
        KafkaException: the brokers did not say.
    """
    found = metadata.topics[topic]
    if found.error is not None:  # it would look like a topic without partitions
        raise KafkaException(found.error)
    return len(found.partitions)


def standing(consumer: Consumer, topic: str, partition: int) -> Standing:
    """Ask the brokers; the committed offset first, as it moves no more once the partition is ours.

    Raises:
        KafkaException: they did not answer.
    """
    place = TopicPartition(topic, partition)
    committed = consumer.committed([place], TIMEOUT_S)[0]
    if committed.error:
        raise KafkaException(committed.error)
    first, end = consumer.get_watermark_offsets(place, TIMEOUT_S)
    partitions = partition_count(consumer.list_topics(topic, TIMEOUT_S), topic)
    if committed.offset < 0:
        return Standing(first, first, end, decided=False, partitions=partitions)
    generation = generation_in(committed.metadata)
    if not first <= committed.offset <= end:
        lost = (
            f"the committed offset {committed.offset} is not retained, the input has {first} to {end}; "
            "deciding can only go on at its first record"
        )
        return Standing(
            first, first, end, decided=False, partitions=partitions, lost=lost, generation=generation
        )
    return Standing(first, committed.offset, end, decided=True, partitions=partitions, generation=generation)
