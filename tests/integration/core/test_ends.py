"""Where partitions end, as a client that lives on asks."""

import uuid

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from fraud_core.kafka import admin_client, end_offsets
from fraud_core.settings import CoreSettings, load_settings
from fraud_local.stack import Stack
from tests.support.pipeline import until

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Stack) -> CoreSettings:
    return load_settings(CoreSettings, kafka={"bootstrap_servers": stack.addresses.bootstrap_servers})


def test_a_topic_that_was_not_there_when_it_was_first_asked_for_is_found_once_it_is(
    settings: CoreSettings,
) -> None:
    admin, name = admin_client(settings.kafka), f"later-{uuid.uuid4().hex[:8]}"
    with pytest.raises(KafkaException):
        end_offsets(admin, [(name, 0)], 5)

    other = admin_client(settings.kafka)  # held until it has answered: a client that is gone answers nobody
    other.create_topics([NewTopic(name, 1, 1)])[name].result(30)

    until(lambda: ends(admin, name) == {(name, 0): 0}, "the client knows the topic")


def ends(admin: AdminClient, name: str) -> dict[tuple[str, int], int]:
    """Nothing where nobody leads the topic yet, as for a moment after it was made."""
    try:
        return end_offsets(admin, [(name, 0)], 5)
    except KafkaException:
        return {}
