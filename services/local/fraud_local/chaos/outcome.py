"""What a pipeline made of its input, read back from its topics, and whether it is through with it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import polars as pl
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from fraud_core.avro import Decoder
from fraud_core.errors import UnavailableError
from fraud_core.kafka import Config, client_config, end_offsets
from fraud_core.polling import is_end, key_of
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings
from fraud_core.topics import Topic, topics
from fraud_local.dlq.letter import Letter

TIMEOUT_S = 10.0
SHORT_S = 1.0
SLICE = 10_000
QUIET_S = 60.0
READ_COMMITTED, READ_UNCOMMITTED = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
LETTERS = pl.Schema(
    {
        "transaction_id": pl.String,
        "source_partition": pl.Int64,
        "source_offset": pl.Int64,
        "stage": pl.String,
        "value": pl.Binary,
    }
)


@dataclass(frozen=True)
class Outcome:
    """Committed outputs of a pipeline.

    Attributes:
        decisions: all columns of `schemas/Decision.avsc`, and `produced_at`, the transaction's own Kafka
            timestamp in ms.
        letters: dead letters, columns `LETTERS`; the id is the key that the record was produced with.
    """

    decisions: pl.DataFrame
    letters: pl.DataFrame


def outcome(settings: CoreSettings) -> Outcome:
    """Read what is committed now.

    Raises:
        UnavailableError: the broker stopped answering.
    """
    names, decoder = topics(settings.topics), Decoder("Decision", Registry(settings.schema_registry))
    decided = _records(settings, "read_committed", names.alerts.name, names.classified.name)
    # In columns at once: half an hour leaves millions of messages, each a few objects.
    frames = [_decisions(decoder, [])]
    while slice_ := list(islice(decided, SLICE)):
        frames.append(_decisions(decoder, slice_))
    letters = [_letter(each) for each in _records(settings, "read_committed", names.dead_letters.name)]
    return Outcome(pl.concat(frames), pl.DataFrame(letters, schema=LETTERS, orient="row"))


def _decisions(decoder: Decoder, messages: list[Message]) -> pl.DataFrame:
    decoded = decoder.decode([each.value() for each in messages])
    times = pl.Series("produced_at", [each.timestamp()[1] for each in messages], dtype=pl.Int64)
    return pl.DataFrame(decoded.batch).with_columns(times)


def written(settings: CoreSettings) -> int:
    """How many outputs a read-uncommitted reader finds: those of aborted transactions too."""
    return sum(
        1 for _ in _records(settings, "read_uncommitted", *(topic.name for topic in _outputs(settings)))
    )


def open_transactions(admin: AdminClient, settings: CoreSettings) -> bool:
    """Whether outputs are written that are neither committed nor aborted yet; false if nobody answers."""
    places = [(topic.name, number) for topic in _outputs(settings) for number in range(topic.partitions)]
    try:
        committed, written = (
            sum(end_offsets(admin, places, SHORT_S, isolation).values())
            for isolation in (READ_COMMITTED, READ_UNCOMMITTED)
        )
    except KafkaException:
        return False
    return committed < written


def behind(settings: CoreSettings, group: str, timeout_s: float = TIMEOUT_S) -> int:
    """How many offsets of the input the group has still to commit.

    Raises:
        KafkaException: the broker did not answer.
    """
    topic = topics(settings.topics).transactions
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    # Asked of an AdminClient, a coordinator that goes away ends the process (librdkafka issue 4605).
    with _consumer(settings, "read_committed", group) as consumer:
        done = consumer.committed(places, timeout_s)
        ends = [consumer.get_watermark_offsets(place, timeout_s) for place in places]
    if None in ends:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its own name
    return sum(end for _, end in ends) - sum(max(place.offset, 0) for place in done)


def caught_up(settings: CoreSettings, group: str, but: int) -> bool:
    """Whether the group has committed all input but fewer offsets than that; false if nobody answers soon."""
    try:
        return behind(settings, group, SHORT_S) < but
    except KafkaException:
        return False


def await_end(settings: CoreSettings, group: str, tend: Callable[[], bool], patience_s: float) -> bool:
    """Wait until a pipeline has committed all of its input; false if it stands still for so long.

    Args:
        settings: where its topics are.
        group: its consumer group.
        tend: called again and again; false gives up.
        patience_s: for how long no offset may be committed.
    """
    least, since = -1, time.monotonic()
    while tend():
        try:
            left = behind(settings, group)
        except KafkaException:
            left = least
        if left == 0:
            return True
        if left != least:
            least, since = left, time.monotonic()
        if time.monotonic() - since > patience_s:
            return False
        time.sleep(0.3)
    return False


def _outputs(settings: CoreSettings) -> tuple[Topic, ...]:
    names = topics(settings.topics)
    return (names.alerts, names.classified, names.dead_letters)


def _letter(message: Message) -> tuple[str, int, int, str, bytes | None]:
    letter = Letter(message)
    origin = letter.origin
    return (
        key_of(message),
        -1 if origin is None else origin.partition,
        -1 if origin is None else origin.offset,
        letter.stage,
        message.value(),
    )


def _records(settings: CoreSettings, isolation: str, *names: str) -> Iterator[Message]:
    """All records of the topics up to their ends."""
    with _consumer(settings, isolation) as consumer:
        metadata = consumer.list_topics(timeout=TIMEOUT_S).topics
        places = {(name, number) for name in names for number in metadata[name].partitions}
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in places])
        since = time.monotonic()
        while places:
            for message in consumer.consume(SLICE, 0.2):
                since, error = time.monotonic(), message.error()
                if error is None:
                    yield message
                elif is_end(error):
                    places.discard((message.topic() or "", message.partition() or 0))
            if time.monotonic() - since > QUIET_S:
                raise UnavailableError(f"Nothing came for {QUIET_S:.0f} s from {', '.join(names)}.")


def _consumer(settings: CoreSettings, isolation: str, group: str = "fraudstream-chaos") -> closing[Consumer]:
    config: Config = {
        **client_config(settings.kafka),
        "group.id": group,
        "isolation.level": isolation,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    return closing(Consumer(config))
