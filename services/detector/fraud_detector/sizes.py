"""Asks before anything runs how large a message the output topics take.

`fraudstream setup` gives them what `topics.max_message_bytes` needs. A topic that somebody else has made, or
that was made before it was raised, may take less: the brokers would refuse what is larger, again and again.
"""

from fraud_core.errors import ConfigError
from fraud_core.kafka import admin_client
from fraud_core.log import logger
from fraud_core.topics import OUTPUT_SIZE_FACTOR, Topics
from fraud_detector.settings import DetectorSettings
from fraud_detector.topic_config import topic_config

log = logger(__name__)
KEY = "max.message.bytes"
LEAST = 4_096
"""Bytes that a dead letter may take without its record."""


def output_limits(settings: DetectorSettings, names: Topics) -> dict[str, int]:
    """For each topic of decisions and dead letters how many bytes a batch may take on it.

    Raises:
        ConfigError: not even a dead letter without its record would fit.
    """
    admin, wanted = admin_client(settings.kafka), OUTPUT_SIZE_FACTOR * settings.topics.max_message_bytes
    limits = {}
    for topic in (names.classified.name, names.alerts.name, settings.dead_letters(names)):
        found = topic_config(admin, topic, "it takes what topics.max_message_bytes needs")
        limits[topic] = min(int(found.get(KEY, wanted)), wanted)
        if limits[topic] < LEAST:
            raise ConfigError(
                f"{topic} has {KEY}={limits[topic]}, in which nothing fits. Set it to {wanted}, or to "
                f"{LEAST} at least."
            )
        if limits[topic] < wanted:
            log.warning(
                "output_limited", topic=topic, allows=limits[topic], wanted=wanted,
                now="decisions that do not fit are dead letters, and dead letters go without their records",
            )  # fmt: skip
    return limits
