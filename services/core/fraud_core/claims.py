"""Whose a pipeline's name and its output topics are, so that no two releases write the same.

The topic `fraud_claims` is one for the whole Kafka and has no prefix: names of groups and topics are the
whole Kafka's too. Its keys are `pipeline/NAME` and `topic/NAME`, its values names of owners; a claim stays
when its release is uninstalled, as topics do.
"""

from collections.abc import Iterable
from functools import partial

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import NewTopic

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import admin_client, client_config, reason, wait_until
from fraud_core.polling import is_end, key_of
from fraud_core.producers import producer
from fraud_core.settings import CoreSettings
from fraud_core.topics import COMPACTED

TOPIC = "fraud_claims"
WRITER = "fraud-claims"
"""Transactional id of all writers: whoever begins later fences the earlier one."""
TIMEOUT_S = 30.0


def claim(
    settings: CoreSettings, owner: str, pipeline: str, outputs: Iterable[str], *, take_over: bool
) -> list[str]:
    """Claim a pipeline and the topics that it writes; gives what was done, in words.

    Args:
        settings: where Kafka is.
        owner: who claims, as in `namespace/release`.
        pipeline: name of the pipeline.
        outputs: names of topics.
        take_over: whether claims of others end.

    Raises:
        ConfigError: another owner has claimed one of them, and `take_over` is not set.
        UnavailableError: Kafka can't be reached.
    """
    wanted = [f"pipeline/{pipeline}", *(f"topic/{name}" for name in outputs)]
    wait_until(partial(_make_topic, settings), settings)
    return wait_until(partial(_claim, settings, owner, wanted, take_over=take_over), settings)


def _claim(settings: CoreSettings, owner: str, wanted: list[str], *, take_over: bool) -> list[str]:
    """Between the reading and the writing there is no other writer: all share a transactional id."""
    try:
        made = producer({**client_config(settings.kafka), "transactional.id": WRITER})
        made.init_transactions(TIMEOUT_S)
        found = _read(settings)
        others = {key: found[key] for key in wanted if found.get(key, owner) != owner}
        if others and not take_over:
            raise ConfigError(_refusal(others, owner))
        new = [key for key in wanted if found.get(key) != owner]
        if new:
            made.begin_transaction()
            for key in new:
                made.produce(TOPIC, owner.encode(), key)
            made.commit_transaction(TIMEOUT_S)
    except KafkaException as error:
        raise UnavailableError(f"Claims can't be read or written in {TOPIC}: {reason(error)}.") from error
    return [_told(key, owner, found.get(key)) for key in new]


def _told(key: str, owner: str, before: str | None) -> str:
    return f"claimed {key.replace('/', ' ', 1)} for {owner}" + (f", before of {before}" if before else "")


def _refusal(others: dict[str, str], owner: str) -> str:
    lines = (f"  {key.replace('/', ' ', 1)}: {other}" for key, other in others.items())
    return (
        f"{owner} can't have what others have claimed, or two would mix their decisions:\n"
        + "\n".join(lines)
        + "\nGive this one a pipeline and topics of its own (FRAUD_PIPELINE, FRAUD_TOPICS__PREFIX; values "
        "pipeline and topics.prefix). Where the other one is gone, take them over with FRAUD_TAKE_OVER=true "
        "(value setup.takeOver)."
    )


def _make_topic(settings: CoreSettings) -> None:
    admin = admin_client(settings.kafka)
    new = NewTopic(TOPIC, 1, settings.topics.replication_factor, config=COMPACTED)
    try:
        admin.create_topics([new])[TOPIC].result(TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise UnavailableError(f"The topic {TOPIC} could not be created: {reason(error)}.") from error


def _read(settings: CoreSettings) -> dict[str, str]:
    """The latest owner of each key."""
    consumer = Consumer(
        {
            **client_config(settings.kafka),
            "group.id": WRITER,  # never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    found: dict[str, str] = {}
    try:
        consumer.assign([TopicPartition(TOPIC, 0, 0)])
        while (message := consumer.poll(TIMEOUT_S)) is not None:
            if _is_end(message):
                return found
            found[key_of(message)] = (message.value() or b"").decode(errors="replace")
    finally:
        consumer.close()
    raise UnavailableError(f"{TOPIC} could not be read to its end within {TIMEOUT_S:.0f} s.")


def _is_end(message: Message) -> bool:
    error = message.error()
    if error is not None and not is_end(error):
        raise KafkaException(error)
    return error is not None
