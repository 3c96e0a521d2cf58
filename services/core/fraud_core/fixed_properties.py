"""Properties of librdkafka that nobody may set, as deciding each record once rests on them."""

from collections.abc import Iterable

_OFFSETS = "offsets are committed with the decisions, and read from there"
_MEMBERS = "partitions are given up and taken over as members of this kind do"
FIXED = {
    "auto.offset.reset": _OFFSETS,
    "enable.auto.commit": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "enable.idempotence": "nothing may be written twice, nor in another order",
    "enable.partition.eof": "a restore must see where a partition ends",
    "group.id": "it is the pipeline's name, FRAUD_PIPELINE",
    "group.instance.id": _MEMBERS,
    "group.protocol": _MEMBERS,
    "heartbeat.interval.ms": "it is FRAUD_GROUP__HEARTBEAT_INTERVAL_MS of a detector",
    "isolation.level": "what was aborted never happened",
    "max.poll.interval.ms": "it is FRAUD_GROUP__MAX_POLL_INTERVAL_MS of a detector",
    "message.max.bytes": "it follows from FRAUD_TOPICS__MAX_MESSAGE_BYTES",
    "partition.assignment.strategy": _MEMBERS,
    "partitioner": "all writers must put a user on the same partition, as Java's clients do",
    "session.timeout.ms": "it is FRAUD_GROUP__SESSION_TIMEOUT_MS of a detector",
    "transaction.timeout.ms": "it is FRAUD_GROUP__TRANSACTION_TIMEOUT_MS of a detector",
    "transactional.id": "it is made of the names of pipeline and worker",
}
"""Why each is fixed."""


def refuse_fixed(names: Iterable[str]) -> None:
    """Do nothing if all of these may be set.

    Raises:
        ValueError: some may not; says why, and what sets it instead.
    """
    if found := sorted(set(names) & FIXED.keys()):
        reasons = "; ".join(f"{name} ({FIXED[name]})" for name in found)
        raise ValueError(f"not to be set here: {reasons}")
