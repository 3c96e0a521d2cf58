"""Topics as they are at this moment: where records flow, no end of them would be waited for in vain."""

from collections.abc import Iterator

import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from fraud_core.avro import Decoder
from fraud_core.kafka import client_config, partition_counts
from tests.support.pipeline import Pipeline


def frame(pipeline: Pipeline, schema: str, *names: str) -> pl.DataFrame:
    """What is committed on these topics now, decoded."""
    values = [message.value() for name in names for message in messages(pipeline, name)]
    decoded = Decoder(schema, pipeline.registry).decode(values)
    assert decoded.rejected == ()
    return pl.DataFrame(decoded.batch)


def messages(pipeline: Pipeline, topic: str) -> Iterator[Message]:
    """What is committed on a topic now."""
    consumer = Consumer(
        {
            **client_config(pipeline.settings.kafka),
            "group.id": "tests",  # never joined
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    partitions = set(range(partition_counts(pipeline.settings.kafka)[topic]))
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    try:
        while partitions:
            message = consumer.poll(60)
            assert message, f"{topic} can't be read to its end"
            if message.error():
                partitions.discard(message.partition())  # at its end
            else:
                yield message
    finally:
        consumer.close()
