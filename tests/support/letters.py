"""Dead letters as a detector writes them."""

from confluent_kafka import Producer

from fraud_core.kafka import client_config
from fraud_detector.dead_letters import PREFIX
from tests.support.pipeline import Pipeline


def write_letters(pipeline: Pipeline, count: int, **headers: str) -> None:
    """So many, numbered by key, whose records were read from one offset after another."""
    topics = pipeline.topics
    producer = Producer(client_config(pipeline.settings.kafka))
    for number in range(count):
        context = {
            "topic": topics.transactions.name, "partition": "0", "offset": str(number),
            "stage": "TRANSFORMATION", "exception.class.name": "fraud_detector.Odd",
            "exception.message": f"Odd {number}.", **headers,
        }  # fmt: skip
        own = [(PREFIX + name, text.encode()) for name, text in context.items()]
        while True:
            try:
                producer.produce(
                    topics.dead_letters.name, f"v{number}", str(number), headers=[("trace", b"\xff"), *own]
                )
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0
