"""The producer against a real broker and registry: what a consumer finds on the topics afterwards."""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Message

from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline, until
from tests.support.pipeline import pipeline as made
from tests.support.producing import MAPPING, ROWS, history, labels, produced, start, transactions

pytestmark = pytest.mark.stack

PARTITIONS = 6


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


def test_the_tutorials_transactions_happen_now(pipeline: Pipeline, tmp_path: Path) -> None:
    produced(pipeline, "--profile", "seed", "--rate", "200", "--count", "300", here=tmp_path)
    messages, found = transactions(pipeline, 300)
    assert set(found["user"]) == {"John", "Peter", "Sam"}
    events = found["timestamp"].dt.epoch("ms")
    sent = pl.Series([message.timestamp()[1] for message in messages])
    assert events.max() <= sent.max()  # type: ignore[operator]  # whole numbers
    assert events.sort().diff().drop_nulls().is_between(4, 6).all()


def test_a_missing_topic_says_what_to_run(pipeline: Pipeline, tmp_path: Path) -> None:
    file = history(tmp_path / "h.parquet", 10)
    process = start(pipeline, "--input", str(file), *MAPPING, "--topic-prefix", "other.", here=tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
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
