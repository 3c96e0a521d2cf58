"""What people set for librdkafka meets what a transaction needs."""

import threading

import pytest

from fraud_core.errors import ConfigError
from fraud_core.producers import producer
from fraud_core.settings import load_settings
from fraud_detector.settings import DetectorSettings
from fraud_detector.transaction import producer_config, transactions


def with_properties(**properties: str) -> DetectorSettings:
    quiet = {"log_level": "0"} | {name.replace("_", "."): value for name, value in properties.items()}
    return load_settings(
        DetectorSettings, kafka={"bootstrap_servers": "127.0.0.1:1", "properties": quiet}, worker="w"
    )


@pytest.mark.parametrize("name", ["delivery_timeout_ms", "message_timeout_ms", "socket_timeout_ms"])
@pytest.mark.parametrize("value", ["1000", "30000", "120000"])
def test_timeouts_may_be_longer_than_a_transaction(name: str, value: str) -> None:
    assert producer(producer_config(with_properties(**{name: value}), "w-0")) is not None


def test_what_a_transaction_can_not_have_is_told_with_the_setting() -> None:
    settings = with_properties(acks="1")

    with pytest.raises(ConfigError, match=r"`acks` must be set to `all`.*Check FRAUD_KAFKA__PROPERTIES\."):
        transactions(settings, {"topic": 1 << 20}, threading.Event())
