"""What follows from the settings of a detector."""

import pytest

from fraud_core.errors import ConfigError
from fraud_core.settings import load_settings
from fraud_detector.settings import DetectorSettings
from fraud_detector.source import consumer_config
from fraud_detector.transaction import producer_config


def transactional_id(pipeline: str, worker: str) -> str:
    return load_settings(DetectorSettings, pipeline=pipeline, worker=worker).transactional_id


def test_no_two_workers_of_any_pipelines_have_the_same_transactional_id() -> None:
    ours = transactional_id("fraud", "eu-prod.fraud-detector-0")

    assert ours != transactional_id("fraud-eu", "prod.fraud-detector-0")
    assert ours == transactional_id("fraud", "eu-prod.fraud-detector-0")


def test_properties_of_the_client_win_over_what_a_detector_would_choose() -> None:
    read = {"queued.min.messages": "7", "fetch.message.max.bytes": "1024"}
    written = {"linger.ms": "1", "compression.type": "zstd"}
    settings = load_settings(DetectorSettings, kafka={"properties": read | written})

    reading, writing = consumer_config(settings), producer_config(settings, "p/w-0")

    assert {name: reading[name] for name in read} == read
    assert {name: writing[name] for name in written} == written
    assert reading["isolation.level"] == "read_committed"
    assert writing["transactional.id"] == "p/w-0"


def test_dead_letters_on_an_input_are_refused() -> None:
    letters = {"deadletterqueue": {"topic": {"name": "payments"}}}

    with pytest.raises(ConfigError, match="dead letters can't go to the input payments"):
        load_settings(DetectorSettings, topics={"transactions": "payments"}, errors=letters)
