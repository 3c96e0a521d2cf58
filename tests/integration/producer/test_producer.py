"""The producer against a real broker and registry: what a consumer finds on the topics afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Message

from fraud_core.avro import Decoder
from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline, until
from tests.support.pipeline import pipeline as made

pytestmark = pytest.mark.stack

START = datetime(2024, 1, 1)
MAPPING = ("--map", "user=who,amount=sum,timestamp=at,transaction_id=id,merchant=shop")
ROWS = 12_000
PARTITIONS = 6


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


def start(pipeline: Pipeline, *arguments: str, here: Path) -> subprocess.Popen[str]:
    """Start a producer in a working directory."""
    return subprocess.Popen(
        [sys.executable, "-m", "fraud_producer", *arguments],
        cwd=here,
        env={**os.environ, **pipeline.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
    found = Decoder(schema, pipeline.registry).decode([message.value() for message in messages])
    assert found.rejected == ()
    return pl.DataFrame(found.batch)


def java_partition(key: bytes, partitions: int) -> int:
    """The partition that Java's client gives a key: murmur2 with its seed, by the published algorithm."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    digest = (0x9747B28C ^ len(key)) & mask
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        digest = (digest * multiplier & mask) ^ word
    if rest := key[whole:]:
        digest = (digest ^ int.from_bytes(rest, "little")) * multiplier & mask
    digest = (digest ^ digest >> 13) * multiplier & mask
    return ((digest ^ digest >> 15) & 0x7FFFFFFF) % partitions


def test_the_reference_partitioner_agrees_with_the_published_test_vectors() -> None:
    assert [java_partition(key, 2**31) for key in (b"21", b"foobar", b"abc")] == [
        -973932308 & 0x7FFFFFFF,
        -790332482 & 0x7FFFFFFF,
        479470107,
    ]


@dataclass(frozen=True)
class Replayed:
    """A history that was replayed with labels, and all that a consumer finds."""

    history: pl.DataFrame
    began: float
    summary: dict[str, Any]
    messages: list[Message]
    transactions: pl.DataFrame
    label_messages: list[Message]
    labels: pl.DataFrame


@pytest.fixture(scope="module")
def replayed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    """One replay that several tests look at."""
    here, addresses = tmp_path_factory.mktemp("replay"), stack.addresses
    file, began = history(here / "h.parquet"), time.time()
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, here, PARTITIONS) as pipeline:
        flags = ("--input", str(file), *MAPPING, "--label", "fraud", "--label-delay", "12h")
        summary = produced(pipeline, *flags, here=here)
        found, known = transactions(pipeline, ROWS), labels(pipeline, ROWS)
        yield Replayed(pl.read_parquet(file).sort("at"), began, summary, *found, *known)


def test_the_summary_adds_up(replayed: Replayed) -> None:
    names = ("produced", "delivered", "failed", "labels", "labels_failed", "rejected")
    assert [replayed.summary[name] for name in names] == [ROWS, ROWS, 0, ROWS, 0, 0]


def test_a_replayed_file_is_on_the_topic_row_by_row(replayed: Replayed) -> None:
    wanted = replayed.history.select("id", "who", "sum", pl.col("at").cast(pl.Datetime("ms")), "shop")
    got = replayed.transactions.select("transaction_id", "user", "amount", "timestamp", "merchant")
    assert got.sort("timestamp").rows() == wanted.rows()


def test_keys_are_users_on_the_partitions_that_java_gives_them(replayed: Replayed) -> None:
    keys = [bytes(message.key() or b"") for message in replayed.messages]
    assert sorted(key.decode() for key in keys) == sorted(replayed.history["who"])
    placed = zip(keys, replayed.messages, strict=True)
    assert all(message.partition() == java_partition(key, PARTITIONS) for key, message in placed)


def test_each_partition_is_in_event_time_order(replayed: Replayed) -> None:
    parts = replayed.transactions.partition_by("partition")
    assert len(parts) == PARTITIONS
    assert all(part["timestamp"].is_sorted() for part in parts)


def test_the_kafka_timestamp_is_now_though_the_event_is_old(replayed: Replayed) -> None:
    assert min(message.timestamp()[1] for message in replayed.messages) >= replayed.began * 1_000


def test_every_row_has_its_label_keyed_by_transaction(replayed: Replayed) -> None:
    keys = [bytes(message.key() or b"").decode() for message in replayed.label_messages]
    assert keys == replayed.labels["transaction_id"].to_list()
    assert sorted(keys) == sorted(replayed.history["id"])


def test_labels_tell_fraud_and_become_known_after_the_delay(replayed: Replayed) -> None:
    frauds = replayed.labels.filter(pl.col("label") == "fraud").sort("labelled_at")
    assert frauds["transaction_id"].to_list() == [f"t{row}" for row in range(0, ROWS, 1_000)]
    delays = replayed.labels["labelled_at"] - replayed.labels["transaction_timestamp"]
    assert delays.unique().to_list() == [timedelta(hours=12)]


def test_a_count_ends_the_stream_and_the_truth_tells_what_was_produced(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    flags = ("--flat-out", "--count", "7000", "--seed", "5", "--customers", "300", "--truth", "truth.jsonl")
    summary = produced(pipeline, *flags, here=tmp_path)
    assert (summary["produced"], summary["delivered"]) == (7_000, 7_000)
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    _, found = transactions(pipeline, 7_000)
    assert {line["transaction_id"] for line in truth} == set(found["transaction_id"])
    assert set(truth[0]) == {"transaction_id", "fraud", "scenario", "amount", "produced_at"}
    assert found["timestamp"].max() <= datetime.now(UTC).replace(tzinfo=None)  # type: ignore[operator]  # a Datetime column


def test_a_missing_topic_says_what_to_run(pipeline: Pipeline, tmp_path: Path) -> None:
    file = history(tmp_path / "h.parquet", 10)
    process = start(pipeline, "--input", str(file), *MAPPING, "--topic-prefix", "other.", here=tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "There is no topic other.fraud_labels" in err
    assert "Run `fraudstream setup` first." in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_after_everything_handed_over_has_arrived(
    pipeline: Pipeline, tmp_path: Path, number: signal.Signals
) -> None:
    file, truth = history(tmp_path / "h.parquet"), tmp_path / "truth.jsonl"
    flags = ("--rate", "1000", "--truth", str(truth), "--json")
    process = start(pipeline, "--input", str(file), *MAPPING, *flags, here=tmp_path)
    until(lambda: truth.exists() and truth.stat().st_size > 10_000, "some transactions are produced")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    summary = json.loads(out)
    assert process.returncode == 0, err
    assert 0 < summary["produced"] == summary["delivered"] < ROWS
    messages, _ = transactions(pipeline, summary["produced"])
    assert len(messages) == summary["produced"] == len(truth.read_text().splitlines())
