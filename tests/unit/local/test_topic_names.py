"""Which topic is meant, and what is said where there is none."""

import pytest

from fraud_core.errors import ConfigError
from fraud_core.settings import CoreSettings, load_settings
from fraud_local.topic_names import check_pipeline, of_pipeline, resolve

EXISTING = ("transactions", "fraud_alerts", "blue.fraud_alerts", "blue.only", "__consumer_offsets")


def settings(prefix: str = "", transactions: str = "transactions") -> CoreSettings:
    return load_settings(CoreSettings, topics={"prefix": prefix, "transactions": transactions})


@pytest.mark.parametrize(
    ("prefix", "name", "meant"),
    [
        ("", "fraud_alerts", "fraud_alerts"),
        ("", "blue.fraud_alerts", "blue.fraud_alerts"),
        ("blue.", "fraud_alerts", "blue.fraud_alerts"),
        ("blue.", "blue.fraud_alerts", "blue.fraud_alerts"),
        ("blue.", "transactions", "transactions"),
        ("", "__consumer_offsets", "__consumer_offsets"),
    ],
)
def test_the_pipelines_own_topic_is_meant_or_else_exactly_this(prefix: str, name: str, meant: str) -> None:
    assert resolve(name, settings(prefix), EXISTING) == meant


def test_the_input_may_have_any_name() -> None:
    assert resolve("transactions", settings(transactions="card.events"), ("card.events",)) == "card.events"


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve("fraud_alrts", settings(), EXISTING)

    assert "There is no topic fraud_alrts at 127.0.0.1:9092. Did you mean fraud_alerts?" in str(refused.value)
    assert "There are: blue.fraud_alerts, blue.only, fraud_alerts, transactions." in str(refused.value)


def test_a_forgotten_prefix_is_pointed_out() -> None:
    with pytest.raises(ConfigError, match=r"no topic only at .* Did you mean --topic-prefix 'blue\.'\?"):
        resolve("only", settings(), EXISTING)


def test_without_any_topic_setup_is_to_run_first() -> None:
    with pytest.raises(ConfigError, match="There are none at all: run `fraudstream setup --"):
        check_pipeline(settings(), ("__consumer_offsets",))


def test_dead_letters_may_have_a_topic_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_ERRORS__DEADLETTERQUEUE__TOPIC__NAME", "cards_dlq")
    there = {topic.name for topic in of_pipeline(settings()).all()}

    check_pipeline(settings(), there)

    assert "cards_dlq" in there
    assert "transactions_dlq" not in there


def test_a_cluster_without_any_of_a_pipelines_topics_is_told_in_a_line() -> None:
    with pytest.raises(ConfigError) as refused:
        check_pipeline(settings(), ("orders",))

    count = len(of_pipeline(settings()).all()) - 1
    assert f"There is no topic transactions, nor {count} others that a pipeline has, at" in str(refused.value)
    assert str(refused.value).count("topic ") == 1


def test_where_there_are_no_topics_setup_is_told_with_the_addresses_that_it_needs() -> None:
    with pytest.raises(
        ConfigError, match=r"`fraudstream setup --bootstrap-servers 127\.0\.0\.1:9092 --schema"
    ):
        check_pipeline(settings(), ())
