"""A made-up history of card transactions whose frauds can be found: shops go bad, and amounts are odd."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from confluent_kafka import Producer

from fraud_core.avro import Encoder
from fraud_core.kafka import client_config
from tests.support.pipeline import Pipeline

START = datetime(2026, 1, 1)
DELAY = timedelta(days=3)
KNOWN = START + timedelta(days=59)
"""Labels that would become known later are not on the topic."""
MAPPING = "transaction_id=ID,user=CARD,amount=AMT,timestamp=AT,merchant=SHOP"


def history(days: int = 60, a_day: int = 150, seed: int = 0) -> pl.DataFrame:
    """Transactions in order of time. Frauds are those of three shops in a month each, and large amounts."""
    random = np.random.default_rng(seed)
    count = days * a_day
    seconds = np.sort(random.integers(0, days * 86_400, count))
    users, shops = random.integers(0, 60, count), random.integers(0, 80, count)
    amounts = random.lognormal(3.0, 0.3, count).round(2)
    day = seconds // 86_400
    large = random.random(count) < 0.01
    bad = (shops < 3) & (day >= 5 + 15 * shops) & (day < 35 + 15 * shops)
    return pl.DataFrame(
        {
            "ID": [f"t{number}" for number in range(count)],
            "CARD": [f"card {user}" for user in users],
            "SHOP": [f"shop {shop}" for shop in shops],
            "AMT": np.where(large, 10 * amounts, amounts),
            "AT": [START + timedelta(seconds=int(second)) for second in seconds],
            "IS_FRAUD": (large | bad).astype(int),
            "KIND": np.where(large, "amount", np.where(bad, "shop", "")),
        }
    )


def written(frame: pl.DataFrame, folder: Path) -> Path:
    """The history as a file."""
    path = folder / "history.parquet"
    frame.write_parquet(path)
    return path


def transactions(past: pl.DataFrame) -> pl.DataFrame:
    """The history as it goes on the topic."""
    return past.select(
        transaction_id="ID",
        user="CARD",
        amount="AMT",
        timestamp=pl.col("AT").cast(pl.Datetime("ms")),
        merchant="SHOP",
    )


def send_labels(pipeline: Pipeline, past: pl.DataFrame) -> None:
    """Produce the labels that are known by then, frauds as chargebacks."""
    topic = pipeline.topics.labels
    labels = past.select(
        transaction_id="ID",
        transaction_timestamp=pl.col("AT").cast(pl.Datetime("ms")),
        user="CARD",
        merchant="SHOP",
        label=pl.when(pl.col("IS_FRAUD") == 1).then(pl.lit("fraud")).otherwise(pl.lit("legitimate")),
        source=pl.when(pl.col("IS_FRAUD") == 1).then(pl.lit("chargeback")).otherwise(pl.lit("analyst")),
        labelled_at=(pl.col("AT") + DELAY).cast(pl.Datetime("ms")),
    ).filter(pl.col("labelled_at") <= KNOWN)
    values = Encoder("Label", pipeline.registry.id_of(topic)).encode(labels)
    producer = Producer(client_config(pipeline.settings.kafka))
    for name, value in zip(labels["transaction_id"].to_list(), values, strict=True):
        producer.produce(topic.name, value, name)
    assert producer.flush(60) == 0
