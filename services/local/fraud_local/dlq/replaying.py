"""Resubmits dead letters, each once, however often it is run and wherever it is killed.

A Kafka transaction holds the resubmitted records and, on a compacted topic, a marker for each of their
letters: both are committed or neither is. All replays share one transactional id. Whoever starts fences
whoever runs, ends what that one left open, and only then reads the markers; so nobody goes by markers that
another is adding to. A low-water mark, as a group's committed offset is, could not remember a selection.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaException, Producer

from fraud_core.errors import FencedError, UnavailableError
from fraud_core.kafka import FENCED, PARTITIONER, client_config, reason
from fraud_core.producers import producer
from fraud_local.dlq.letter import Letter
from fraud_local.dlq.plan import Fate, Plan, resubmitted_headers
from fraud_local.dlq.topic import DeadLetterTopic

CALL_S = 10.0
PATIENCE_S = 60.0
TRANSACTION_TIMEOUT_MS = 10_000
"""As the detector's: readers of what is committed wait so long for a replay that was killed."""
LARGEST = 1_000_000_000
"""The most that librdkafka can be told; the plan heeds each topic's own limit."""


def replay(
    plan: Plan, batches: Iterable[list[Letter]], say: Callable[[int], None] = lambda _: None
) -> Counter[Fate]:
    """Resubmit the letters, a transaction a batch; returns how many had which fate.

    Args:
        plan: what becomes of each letter; what was replayed is read anew.
        batches: the letters.
        say: called after each transaction, with how many were resubmitted so far.

    Raises:
        FencedError: another replay was started meanwhile.
        UnavailableError: the brokers don't answer; what was committed stays.
    """
    producer = _registered(plan.topic)
    plan.done = plan.topic.replayed()
    fates: Counter[Fate] = Counter()
    for batch in batches:
        found = [(letter, plan.fate(letter)) for letter in batch]
        fates.update(fate for _, fate in found)
        if chosen := [letter for letter, fate in found if fate is Fate.SENT]:
            _commit(producer, plan, chosen)
            say(fates[Fate.SENT])
    return fates


def _commit(producer: Producer, plan: Plan, letters: Iterable[Letter]) -> None:
    _call(producer.begin_transaction)
    try:
        for letter in letters:
            _resubmit(producer, plan, letter)
        _call(lambda: producer.commit_transaction(CALL_S))
    except UnavailableError:
        _call(lambda: producer.abort_transaction(CALL_S))
        raise


def _resubmit(producer: Producer, plan: Plan, letter: Letter) -> None:
    target = plan.target(letter) or ""
    found, value, key = resubmitted_headers(letter), letter.message.value(), letter.message.key()
    _produce(producer, lambda: producer.produce(target, value, key, headers=found))
    marker = letter.identity
    _produce(producer, lambda: producer.produce(plan.topic.replays, target.encode(), marker.encode()))


def _produce(producer: Producer, request: Callable[[], object]) -> None:
    while True:
        try:
            request()
        except BufferError:
            producer.poll(0.1)
        except KafkaException as error:
            raise _judged(error) from error
        else:
            return


def _call(request: Callable[[], object]) -> None:
    """Repeat a request while only time is lacking; librdkafka resumes a timed-out call where it was."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            request()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise _judged(error) from error
        else:
            return


def _judged(error: KafkaException) -> FencedError | UnavailableError:
    if error.args[0].code() in FENCED:
        return FencedError(
            "Another `fraudstream dlq replay` was started and took over. What this one had committed stays "
            "and is not replayed again; run it again if the other one does not do the rest."
        )
    return UnavailableError(
        f"The brokers did not take the records ({reason(error)}). What was committed before stays and is not "
        "replayed again: run the same command again."
    )


def _registered(topic: DeadLetterTopic) -> Producer:
    registered = producer(
        {
            **client_config(topic.settings.kafka),
            "transactional.id": topic.replays,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "partitioner": PARTITIONER,
            "message.max.bytes": LARGEST,
        }
    )
    _call(lambda: registered.init_transactions(CALL_S))
    return registered
