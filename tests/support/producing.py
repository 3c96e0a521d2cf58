"""A producer as a process, a history for it, and what a consumer finds afterwards."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from confluent_kafka import Message

from fraud_core.avro import Decoder
from tests.support import forked
from tests.support.forked import Forked
from tests.support.pipeline import Pipeline

START = datetime(2024, 1, 1)
MAPPING = ("--map", "user=who,amount=sum,timestamp=at,transaction_id=id,merchant=shop")
ROWS = 12_000


def history(path: Path, rows: int = ROWS) -> Path:
    """A history of users with names in several scripts, every thousandth row fraud, not in order."""
    numbers = pl.int_range(rows, eager=True)
    frame = pl.DataFrame({"row": numbers}).select(
        id=pl.format("t{}", "row"),
        who=pl.format(
            "{}-{}", pl.Series(["Zoë", "李", "user", "x" * 40])[(numbers % 4).to_list()], numbers % 997
        ),
        sum=(pl.col("row") % 500).cast(pl.Float64),
        at=pl.lit(START) + pl.duration(minutes="row"),
        shop=pl.format("m{}", pl.col("row") % 50),
        fraud=pl.col("row") % 1_000 == 0,
    )
    frame.sample(fraction=1.0, shuffle=True, seed=5).write_parquet(path)
    return path


def start(pipeline: Pipeline, *arguments: str, here: Path) -> Forked:
    """Start a producer in a working directory, where it leaves what it says too."""
    return forked.started(
        "fraud_producer",
        *arguments,
        environment=pipeline.process_environment(),
        output=here / "producer.out",
        errors=here / "producer.err",
        here=here,
    )


def produced(pipeline: Pipeline, *arguments: str, here: Path) -> dict[str, Any]:
    """The summary of a producer that ran to its end with success."""
    process = start(pipeline, *arguments, "--json", here=here)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    summary: dict[str, Any] = json.loads(out)
    return summary


def transactions(pipeline: Pipeline, count: int) -> tuple[list[Message], pl.DataFrame]:
    """What is on the topic, and the same as a frame with the partition and offset of each row."""
    messages = pipeline.outputs(count, pipeline.topics.transactions.name)
    return messages, decoded(pipeline, "Transaction", messages).with_columns(
        partition=pl.Series([message.partition() for message in messages]),
        offset=pl.Series([message.offset() for message in messages]),
    ).sort("partition", "offset")


def labels(pipeline: Pipeline, count: int) -> tuple[list[Message], pl.DataFrame]:
    """The labels on their topic."""
    messages = pipeline.outputs(count, pipeline.topics.labels.name)
    return messages, decoded(pipeline, "Label", messages)


def decoded(pipeline: Pipeline, schema: str, messages: Sequence[Message]) -> pl.DataFrame:
    """The messages as a frame; each must be a valid record."""
    found = Decoder(schema, pipeline.registry).decode([message.value() for message in messages])
    assert found.rejected == ()
    return pl.DataFrame(found.batch)
