"""How a topic is configured, as the brokers tell whoever may ask."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from fraud_core.log import logger

log = logger(__name__)
TIMEOUT_S = 10.0


def topic_config(admin: AdminClient, topic: str, trusting: str) -> dict[str, str]:
    """Names and values; empty, and logged with what is trusted then, where the brokers do not say."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        found = admin.describe_configs([resource])[resource].result(TIMEOUT_S)
    except (KafkaException, TimeoutError) as error:
        log.warning(
            "topic_config_unknown",
            topic=topic,
            reason=str(error) or f"no answer within {TIMEOUT_S:.0f} s",
            now=f"trusting that {trusting}",
        )
        return {}
    return {name: entry.value for name, entry in found.items() if entry.value is not None}
