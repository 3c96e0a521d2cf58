"""librdkafka's configuration and errors, in one place for all services."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from pydantic import SecretStr

from fraud_core.broker_faults import fault, unreachable, unusable
from fraud_core.errors import UnavailableError
from fraud_core.log import CLIENT, logger
from fraud_core.settings import CoreSettings, KafkaSettings

log = logger(__name__)
Config = dict[str, Any]
ResultT = TypeVar("ResultT")

LINE_EACH_S = 10.0
PATIENCE_S = (1.0, 4.0)
"""Waits for brokers, after each of which a refusal ends the wait: most are told within the first second."""
PARTITIONER = "murmur2_random"
"""Java's partitioner: librdkafka's own default puts most users on another partition than Java does."""
FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001
"""Another producer has the transactional id, or the brokers ended this one's transaction."""
STALE = {
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._NOENT,  # noqa: SLF001 - its own name; the client knows no leader
}
"""Refusals by which a broker, or the client itself, says that the client's metadata are too old."""


def client_config(settings: KafkaSettings) -> Config:
    """What producers, consumers and admin clients share: addresses, security and where logs go.

    Last come the properties that people set: a client puts what it merely prefers before all this, and only
    what it can't do without behind it.
    """
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
        "logger": logging.getLogger(CLIENT),
        "client.id": "fraudstream",
        **_security(settings),
        **{name: value.get_secret_value() for name, value in settings.properties.items()},
    }


def _security(settings: KafkaSettings) -> Config:
    found: dict[str, object] = {"security.protocol": settings.security_protocol}
    if settings.security_protocol.startswith("SASL"):
        found |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.sasl_username,
            "sasl.password": _plain(settings.sasl_password),
        }
    if settings.security_protocol.endswith("SSL"):
        found |= {
            "ssl.ca.location": settings.ssl_ca_location,
            "ssl.certificate.location": settings.ssl_certificate_location,
            "ssl.key.location": settings.ssl_key_location,
            "ssl.key.password": _plain(settings.ssl_key_password),
        }
    return {name: str(value) for name, value in found.items() if value is not None}


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def admin_client(settings: KafkaSettings) -> AdminClient:
    """A client for topics and metadata."""
    return AdminClient({"socket.timeout.ms": 10_000, **client_config(settings)})


def partition_counts(settings: KafkaSettings) -> dict[str, int]:
    """Ask the cluster which topics there are and how many partitions each has.

    Every command does this first, so here is told what is wrong with its connection.

    Raises:
        ConfigError: a broker refuses our credentials or certificate, or its own can't be trusted.
        UnavailableError: no broker answered in five seconds.
    """
    reports: list[KafkaError] = []
    admin = _probe(settings, reports)
    for patience_s in PATIENCE_S:
        try:
            topics = admin.list_topics(timeout=patience_s).topics
        except KafkaException:
            admin.poll(0)  # calls back with what the client met meanwhile
            if refusal := fault(settings, reports):
                raise refusal from None
        else:
            return {name: len(topic.partitions) for name, topic in topics.items()}
    raise unreachable(settings, reports)


def end_offsets(
    admin: AdminClient,
    places: Iterable[tuple[str, int]],
    timeout_s: float,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[tuple[str, int], int]:
    """Ask where partitions, (topic, number), end.

    The client asks the leaders of its metadata, by their epochs, and does not notice by itself that they are
    of before a broker's restart, or of before the topic had a leader, so that it would be refused for ever.
    After a refusal it gets new ones.

    Raises:
        KafkaException: the brokers did not say.
    """
    wanted, latest = set(places), OffsetSpec.latest()  # type: ignore[no-untyped-call]
    try:
        return listed_offsets(admin, wanted, latest, timeout_s, isolation)
    except KafkaException as error:
        if error.args[0].code() not in STALE:
            raise
    for topic in {topic for topic, _ in wanted}:
        admin.list_topics(topic, timeout_s)
    return listed_offsets(admin, wanted, latest, timeout_s, isolation)


def listed_offsets(
    admin: AdminClient,
    places: Iterable[tuple[str, int]],
    which: OffsetSpec,
    timeout_s: float,
    isolation: IsolationLevel,
) -> dict[tuple[str, int], int]:
    """Ask once for an offset of each partition, (topic, number).

    Raises:
        KafkaException: the brokers did not say.
    """
    wanted = {TopicPartition(*place): which for place in places}
    asked = admin.list_offsets(wanted, isolation_level=isolation, request_timeout=timeout_s)
    try:
        return {
            (place.topic, place.partition): int(answer.result(2 * timeout_s).offset)
            for place, answer in asked.items()
        }
    except TimeoutError as error:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from error  # noqa: SLF001 - its own name


def _probe(settings: KafkaSettings, reports: list[KafkaError]) -> AdminClient:
    """A client that logs nothing: what it reports becomes one message."""
    quiet: Config = {"log_level": 0, "error_cb": reports.append}
    try:
        return AdminClient({**client_config(settings), **quiet})
    except KafkaException as error:
        raise unusable(error) from error


def reason(error: KafkaException) -> str:
    """The text of the KafkaError inside."""
    inner = error.args[0]
    return str(inner.str()) if isinstance(inner, KafkaError) else str(inner)


def wait_until(
    attempt: Callable[[], ResultT], settings: CoreSettings, stop: threading.Event | None = None
) -> ResultT:
    """Repeat `attempt` while it raises UnavailableError, for `startup_timeout_s` at most.

    The first failure is logged at once and then one in each ten seconds, so that a person sees what is
    waited for. Ends early, with the last error, when `stop` is set.

    Raises:
        UnavailableError: the time is up.
    """
    waiting, began = stop or threading.Event(), time.monotonic()
    delay, next_line = 0.2, 0.0
    while True:
        try:
            return attempt()
        except UnavailableError as error:
            waited = time.monotonic() - began
            if waited >= next_line:
                log.warning("waiting", reason=str(error), waited_s=round(waited))
                next_line = waited + LINE_EACH_S
            if waited >= settings.startup_timeout_s or waiting.wait(delay):
                raise
            delay = min(delay * 1.5, 3.0)
