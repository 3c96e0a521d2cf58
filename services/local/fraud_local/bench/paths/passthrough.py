"""The limit: the same bytes from the input to two outputs, exactly once, and nothing done to them."""

from confluent_kafka import Message, Producer

from fraud_local.bench.paths.clients import Clock, Commits, arrived, consumer, transactional_producer
from fraud_local.bench.task import Result, Task, main

ALERT_EACH = 50


def passthrough(task: Task) -> Result:
    """Copy every record; each fiftieth counts as an alert."""
    producers = [
        transactional_producer(task, number) for number in range(int(task.options.get("producers", 1)))
    ]
    source = consumer(task)
    clock, commits = Clock(task.broker_pid), Commits(source, producers)
    while clock.records < task.records:
        messages = arrived(source)
        clock.saw(len(messages))
        if messages:
            _copy(commits.opened(), messages, task)
        commits.at_times(len(messages))
    commits.at_times(0)
    result = clock.result()
    source.close()
    return result


def _copy(sink: Producer, messages: list[Message], task: Task) -> None:
    produce, alerts, classified = sink.produce, task.alerts, task.classified
    for place, message in enumerate(messages):
        topic = classified if place % ALERT_EACH else alerts
        try:
            produce(topic, message.value(), message.key(), -1, None, None, message.timestamp()[1])
        except BufferError:
            sink.poll(0.05)
            produce(topic, message.value(), message.key(), -1, None, None, message.timestamp()[1])
    sink.poll(0)


if __name__ == "__main__":
    main(passthrough)
