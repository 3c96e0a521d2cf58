"""Checks before anything runs that the brokers keep what a restore will need.

Of the input that is at least a cycle of snapshots, and of the state topic the latest record of each key.
"""

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import admin_client, reason
from fraud_core.topics import Topics
from fraud_detector.settings import DetectorSettings
from fraud_detector.topic_config import topic_config

TIMEOUT_S = 10.0
MARGIN = 2
EARLIEST, LATEST = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
CYCLE = "FRAUD_STATE__SNAPSHOT_CYCLE"


def check_retention(settings: DetectorSettings, names: Topics, partitions: int) -> None:
    """Compare the topics' clean-up with the cycle of snapshots; `partitions` are the input's.

    Raises:
        ConfigError: what a restore needs might be gone by then; says what to change.
        UnavailableError: the brokers did not answer.
    """
    admin, state = admin_client(settings.kafka), settings.state
    found, kept = (
        topic_config(admin, name, "it is kept long enough")
        for name in (names.state.name, names.transactions.name)
    )
    if "delete" in found.get("cleanup.policy", ""):
        raise ConfigError(
            f"{names.state.name} has cleanup.policy={found['cleanup.policy']} and would lose the state "
            "in time. Set it to compact."
        )
    if "compact" in kept.get("cleanup.policy", ""):
        raise ConfigError(
            f"{names.transactions.name} has cleanup.policy={kept['cleanup.policy']}, so its records can't be "
            "replayed. Set it to delete, or switch the state off with FRAUD_STATE__DURABLE=false."
        )
    needed_ms = MARGIN * 1_000 * state.snapshot_cycle_s
    if 0 <= int(kept.get("retention.ms", -1)) < needed_ms:
        raise ConfigError(
            f"{names.transactions.name} has retention.ms={kept['retention.ms']}, and a cycle "
            f"of snapshots takes up to {state.snapshot_cycle_s} s. Raise it to {needed_ms} at least, "
            f"or lower {CYCLE}_S."
        )
    if int(kept.get("retention.bytes", -1)) >= 0:
        _check_size(admin, settings, kept["retention.bytes"], partitions)


def _check_size(admin: AdminClient, settings: DetectorSettings, kept: str, partitions: int) -> None:
    """How many records fit shows only where some have been deleted already."""
    topic, needed = settings.topics.transactions, MARGIN * settings.state.snapshot_cycle_records
    first, end = (_offsets(admin, topic, partitions, spec) for spec in (EARLIEST, LATEST))
    for partition in range(partitions):
        retained = end[partition] - first[partition]
        if first[partition] > 0 and retained < needed:
            raise ConfigError(
                f"Partition {partition} of {topic} retains {retained} records by retention.bytes={kept}, and "
                f"a cycle of snapshots takes {needed // MARGIN}. Raise retention.bytes to hold {needed} "
                f"at least, or lower {CYCLE}_RECORDS."
            )


def _offsets(admin: AdminClient, topic: str, partitions: int, spec: OffsetSpec) -> list[int]:
    places = [TopicPartition(topic, partition) for partition in range(partitions)]
    asked = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=TIMEOUT_S)
    try:
        return [asked[place].result(TIMEOUT_S).offset for place in places]
    except KafkaException as error:
        raise UnavailableError(f"The brokers did not say what {topic} retains: {reason(error)}.") from error
