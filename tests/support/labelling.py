"""Verdicts about decisions, as analysts give them."""

import polars as pl
from confluent_kafka import Producer

from fraud_core.avro import Encoder
from fraud_core.kafka import client_config
from tests.support.pipeline import Pipeline


def label(pipeline: Pipeline, decided: pl.DataFrame, fraud: pl.Expr, at: pl.Expr) -> None:
    """Label these decisions.

    Args:
        pipeline: whose topic of labels.
        decided: columns of `schemas/Decision.avsc`.
        fraud: which of them are.
        at: when that is known; naive, in UTC.
    """
    topic = pipeline.topics.labels
    frame = decided.select(
        "transaction_id",
        "user",
        transaction_timestamp="timestamp",
        label=pl.when(fraud).then(pl.lit("fraud")).otherwise(pl.lit("legitimate")),
        source=pl.lit("analyst"),
        labelled_at=at.cast(pl.Datetime("ms")),
    )
    values = Encoder("Label", pipeline.registry.id_of(topic)).encode(frame)
    producer = Producer(client_config(pipeline.settings.kafka))
    for name, value in zip(frame["transaction_id"].to_list(), values, strict=True):
        producer.produce(topic.name, value, name)
    assert producer.flush(60) == 0
