"""A worker reads labels and side tables once the brokers told of all their partitions, and not before."""

from dataclasses import replace

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

from fraud_core.avro import Decoder
from fraud_core.kafka import admin_client
from fraud_core.settings import load_settings
from fraud_detector.settings import DetectorSettings
from fraud_detector.side_log import Place, SideLog
from tests.support.pipeline import Pipeline, until

pytestmark = pytest.mark.stack


def ends(log: SideLog) -> dict[Place, int]:
    """Nothing where the brokers do not tell."""
    try:
        return log.ends()
    except KafkaException:
        return {}


def test_a_topic_that_they_tell_nothing_of_is_asked_for_again(pipeline: Pipeline) -> None:
    labels, later = pipeline.topics.labels, f"{pipeline.topics.side_tables.name}_later"
    names = replace(pipeline.topics, side_tables=replace(pipeline.topics.side_tables, name=later))
    settings = load_settings(DetectorSettings, kafka=pipeline.settings.kafka.model_dump())
    log = SideLog(settings, names, Decoder("Label", pipeline.registry))
    try:
        with pytest.raises(KafkaException):
            log.ends()
        assert log.step() == (None, [])

        admin = admin_client(pipeline.settings.kafka)
        admin.create_topics([NewTopic(later, 2, 1)])[later].result(30)

        until(lambda: {(later, 0), (later, 1), (labels.name, 0)} <= ends(log).keys(), "it reads all of them")
    finally:
        log.close()
