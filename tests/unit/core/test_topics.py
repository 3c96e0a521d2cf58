"""The topics are those of schemas/README.md."""

from fraud_core.settings import TopicSettings
from fraud_core.topics import topics

DAY_MS = 86_400_000


def test_the_prefix_goes_before_every_topic_but_the_input() -> None:
    names = [topic.name for topic in topics(TopicSettings(prefix="blue.")).all()]

    assert names == [
        "transactions",
        "blue.classified_transactions",
        "blue.fraud_alerts",
        "blue.transactions_dlq",
        "blue.fraud_labels",
        "blue.transactions_dlq_replays",
        "blue.fraud_side_tables",
        "blue.fraud_state",
        "blue.fraud_models",
        "blue.fraud_rollouts",
        "blue.fraud_status",
        "blue.fraud_target_states",
    ]


def test_outputs_take_messages_of_twice_the_inputs_size() -> None:
    made = topics(TopicSettings(max_message_bytes=10_000))

    assert made.transactions.config["max.message.bytes"] == "10000"
    assert made.alerts.config["max.message.bytes"] == "20000"
    assert made.dead_letters.config["max.message.bytes"] == "20000"


def test_labels_are_kept_by_transaction_for_more_than_a_year() -> None:
    labels = topics(TopicSettings()).labels

    assert labels.config["cleanup.policy"] == "compact,delete"
    assert labels.config["retention.ms"] == str(400 * DAY_MS)


def test_subjects_follow_the_topics_names() -> None:
    assert topics(TopicSettings(prefix="blue.")).alerts.subject == "blue.fraud_alerts-value"


def test_of_the_state_the_latest_snapshots_are_kept_and_the_cleaner_is_eager() -> None:
    state = topics(TopicSettings(partitions=9, max_message_bytes=10_000)).state

    assert state.partitions == 9
    assert state.config["cleanup.policy"] == "compact"
    assert "retention.ms" not in state.config
    assert int(state.config["segment.bytes"]) < 2**26
    assert int(state.config["max.message.bytes"]) > 2**19
