"""The topics, their keys, clean-up and schemas: the table of schemas/README.md as data."""

from dataclasses import dataclass, fields

from fraud_core.settings import TopicSettings

DAY_MS = 86_400_000
SNAPSHOT_BYTES = 1_048_588
"""Most bytes of a record of `fraud_state`; the detector's are half as large."""
OUTPUT_SIZE_FACTOR = 2
"""Decisions carry the transaction and more, so their topics take messages of twice the input's size."""

COMPACTED = {"cleanup.policy": "compact", "segment.bytes": str(8 * 1024 * 1024)}
"""Small segments, as whoever starts reads them from their beginning."""


STATE_CONFIG = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(SNAPSHOT_BYTES),
    "segment.bytes": str(32 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.2",
}
"""Small segments and an eager cleaner, as a restore reads what is not compacted yet; only settings that both
Kafka and Redpanda document."""

MODELS_CONFIG = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(1024 * 1024),
    "segment.bytes": str(64 * 1024 * 1024),
}
"""Chunks of bundles are half as large."""


@dataclass(frozen=True)
class Topic:
    """One topic as `fraudstream setup` makes it.

    Attributes:
        name: its name, prefix included.
        schema: name of the value's schema in `schemas/`, None where values are bytes as they came.
        partitions: how many, when it is made; a topic that exists keeps its own number.
        config: topic configuration, when it is made.
        replication_factor: copies, when it is made; None for as many as other topics have.
    """

    name: str
    schema: str | None
    partitions: int
    config: dict[str, str]
    replication_factor: int | None = None

    @property
    def subject(self) -> str:
        """Registry subject of the value: TopicNameStrategy, set explicitly."""
        return f"{self.name}-value"


@dataclass(frozen=True)
class Topics:
    """The names that the services use."""

    transactions: Topic
    classified: Topic
    alerts: Topic
    dead_letters: Topic
    labels: Topic
    replays: Topic
    side_tables: Topic
    state: Topic
    models: Topic
    rollouts: Topic
    status: Topic
    target_states: Topic
    logins: Topic | None = None

    def all(self) -> tuple[Topic, ...]:
        """Every topic, in the order in which they are made."""
        found = (getattr(self, each.name) for each in fields(self))
        return tuple(topic for topic in found if topic is not None)


def topics(settings: TopicSettings) -> Topics:
    """The topics for these settings; the prefix goes before every name but the inputs'."""
    size = settings.max_message_bytes
    prefix = settings.prefix

    def topic(
        name: str, schema: str | None, days: int, *, bytes_: int = size, cleanup: str = "delete"
    ) -> Topic:
        config = {
            "cleanup.policy": cleanup,
            "retention.ms": str(days * DAY_MS),
            "max.message.bytes": str(bytes_),
        }
        return Topic(name, schema, settings.partitions, config)

    large = OUTPUT_SIZE_FACTOR * size
    return Topics(
        transactions=topic(settings.transactions, "Transaction", 90),
        classified=topic(f"{prefix}classified_transactions", "Decision", 90, bytes_=large),
        alerts=topic(f"{prefix}fraud_alerts", "Decision", 90, bytes_=large),
        dead_letters=topic(f"{prefix}transactions_dlq", None, 90, bytes_=large),
        labels=topic(f"{prefix}fraud_labels", "Label", 400, cleanup="compact,delete"),
        replays=Topic(f"{prefix}transactions_dlq_replays", None, 1, {"cleanup.policy": "compact"}),
        side_tables=Topic(f"{prefix}fraud_side_tables", None, 1, COMPACTED),
        state=Topic(f"{prefix}fraud_state", None, settings.partitions, STATE_CONFIG),
        models=Topic(f"{prefix}fraud_models", None, 1, MODELS_CONFIG),
        rollouts=Topic(f"{prefix}fraud_rollouts", "Rollout", 1, COMPACTED),
        status=Topic(f"{prefix}fraud_status", "WorkerStatus", 1, COMPACTED),
        target_states=Topic(f"{prefix}fraud_target_states", "TargetState", 1, COMPACTED),
        logins=topic(settings.logins, "Login", 7) if settings.logins else None,
    )
