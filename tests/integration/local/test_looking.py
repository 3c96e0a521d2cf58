"""`fraudstream topics` and `fraudstream try` against a real broker, registry and detector."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from fraud_core.kafka import client_config
from fraud_core.models import publish_bundle
from fraud_core.schemas import schema
from fraud_local.stack import Stack
from tests.support import forked
from tests.support.bundles import small_bundle
from tests.support.pipeline import Pipeline, transactions
from tests.support.pipeline import pipeline as made

pytestmark = pytest.mark.stack
MINUTE_AGO_MS = (int(time.time()) - 60) * 1_000
"""A whole second: what is older than a topic's retention may go at any time."""
MAIN = (sys.executable, "-m", "fraud_local")
TRY = ("try", "--user", "somebody", "--location", "JP", "--merchant", "XYZ_Merchant")


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def run(pipeline: Pipeline, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.ended("fraud_local", *arguments, environment=pipeline.process_environment())


def output(pipeline: Pipeline, *arguments: str) -> str:
    done = run(pipeline, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def records(pipeline: Pipeline, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output(pipeline, *arguments, "--json").splitlines()]


def committed_and_aborted(pipeline: Pipeline, topic: str, count: int) -> None:
    """So many transactions of one record each, and an aborted one after each."""
    producer = Producer({**client_config(pipeline.settings.kafka), "transactional.id": topic})
    producer.init_transactions(30)
    for number in range(count):
        for text in (f"good {number}", f"aborted {number}"):
            producer.begin_transaction()
            producer.produce(topic, text, "k", partition=number % 3, timestamp=MINUTE_AGO_MS + number)
            producer.flush(30)
            end = producer.commit_transaction if text.startswith("good") else producer.abort_transaction
            end(30)


def test_the_last_committed_records_of_all_partitions_come_in_order_of_time(pipeline: Pipeline) -> None:
    committed_and_aborted(pipeline, pipeline.topics.dead_letters.name, 20)

    last = records(pipeline, "topics", "tail", "transactions_dlq", "-n", "7")
    everything = records(pipeline, "topics", "tail", "transactions_dlq", "--from-beginning")

    assert [datetime.fromisoformat(record["timestamp"]).timestamp() * 1_000 for record in last] == [
        MINUTE_AGO_MS + number for number in range(13, 20)
    ]
    assert len(everything) == 20
    assert len(records(pipeline, "topics", "tail", "transactions_dlq", "-n", "100")) == 20
    first = records(pipeline, "topics", "tail", "transactions_dlq", "--from-beginning", "-n", "3")
    assert len(first) == 3
    assert run(pipeline, "topics", "tail", "transactions_dlq", "-n", "0").stdout == ""


def test_each_record_is_decoded_with_the_schema_it_was_written_with(pipeline: Pipeline) -> None:
    topic = pipeline.topics.transactions
    grown = schema("Transaction")
    grown["fields"].append({"name": "channel", "type": "string", "default": "web"})
    with SchemaRegistryClient({"url": pipeline.settings.schema_registry.url}) as client:
        grown_id = client.register_schema(topic.subject, Schema(json.dumps(grown), "AVRO"))
    (old,) = pipeline.encode(transactions(0, 1))
    new = b"\0" + grown_id.to_bytes(4, "big") + old[5:] + b"\x0aphone"
    pipeline.send_raw(
        [("u", old), ("u", new), ("u", b"\0\x7f\xff\xff\xff???"), ("u", b"\x1b[2J\x8f"), ("u", None)]
    )

    shown = records(pipeline, "topics", "tail", "transactions")

    assert [record["value"] and record["value"].get("channel") for record in shown] == [
        None, "phone", None, None, None,
    ]  # fmt: skip
    assert shown[0]["value"]["timestamp"] == "2026-01-05T09:00:00+00:00"
    assert shown[0]["schema"] == "fraudstream.Transaction"
    assert shown[2]["fault"] == "The registry has no schema with id 2147483647."
    assert (shown[3]["value"], shown[3]["value_base64"]) == (None, "G1sySo8=")
    assert shown[4]["fault"] == "The value is null (a tombstone)."
    lines = output(pipeline, "topics", "tail", "transactions")
    assert "\x1b" not in lines
    assert r"\x1b[2J\x8f" in lines
    assert "channel=phone" in lines


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes heed SIGINT even where this one was started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_following_goes_on_with_what_is_committed_and_ctrl_c_ends_it_cleanly(pipeline: Pipeline) -> None:
    pipeline.send(transactions(1, 2))
    with subprocess.Popen(
        [*MAIN, "topics", "tail", "transactions", "-f", "-n", "1"],
        env=pipeline.process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "transaction_id=t1 " in process.stdout.readline()
        pipeline.send(transactions(2, 3))
        assert "transaction_id=t2 " in process.stdout.readline()

        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_the_list_has_partitions_records_and_subjects(pipeline: Pipeline) -> None:
    pipeline.send(transactions(0, 5))

    rows = {row["topic"]: row for row in records(pipeline, "topics", "list")}

    name = pipeline.topics.transactions.name
    assert rows[name] == {
        "topic": name, "partitions": 3, "records_at_most": 5, "subject": f"{name}-value",
    }  # fmt: skip
    assert rows[pipeline.topics.dead_letters.name]["subject"] is None
    assert not [topic for topic in rows if topic.startswith("__")]
    assert f"{name} " in output(pipeline, "topics", "list")


def test_an_unknown_topic_is_answered_with_those_that_exist(pipeline: Pipeline) -> None:
    done = run(pipeline, "topics", "tail", "fraud_alrts")

    assert done.returncode == 2
    assert f"There is no topic {pipeline.settings.topics.prefix}fraud_alrts at" in done.stderr
    assert pipeline.topics.alerts.name in done.stderr


def test_a_broker_that_is_away_is_one_message_and_exit_75(pipeline: Pipeline) -> None:
    for command in (("topics", "list"), ("topics", "tail", "fraud_alerts"), (*TRY, "--amount", "1")):
        done = run(pipeline, *command, "--bootstrap-servers", "127.0.0.1:1")

        assert done.returncode == 75
        assert done.stderr.startswith("error: No Kafka broker answers at 127.0.0.1:1 ")
        assert len(done.stderr.splitlines()) == 1


def test_a_fraud_is_shown_with_its_reasons_and_how_long_it_took(pipeline: Pipeline) -> None:
    pipeline.detector().says("running")

    verdict = json.loads(output(pipeline, *TRY, "--amount", "950", "--txn-type", "transfer", "--json"))
    text = output(pipeline, *TRY, "--amount", "951")

    assert verdict["outcome"] == "fraud"
    assert verdict["topic"] == pipeline.topics.alerts.name
    assert verdict["decision"]["reason"] == ["High amount", "Merchant XYZ_Merchant flagged"]
    assert verdict["decision"]["txn_type"] == "transfer"
    assert verdict["milliseconds"] > 0
    assert text.startswith("FRAUD, visible ")
    assert "reasons      High amount; Merchant XYZ_Merchant flagged\n" in text
    assert "none: the rules decide alone" in text
    alerts = output(pipeline, "topics", "tail", "fraud_alerts").splitlines()
    assert len(alerts) == 2
    assert "950.00" in alerts[0]
    assert alerts[1].endswith("somebody  High amount; Merchant XYZ_Merchant flagged")


def test_an_ordinary_one_is_legitimate_an_odd_one_is_explained_and_a_bad_one_is_told_why(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    published = publish_bundle(tmp_path, small_bundle(0.05))
    pipeline.detector(MODEL__URL=published.url, MODEL__SHA256=published.sha256).says("running")

    fine = output(pipeline, "try", "--user", "u", "--amount", "12.5")
    odd = output(pipeline, "try", "--user", "u", "--amount", "399")
    bad = run(pipeline, "try", "--user", "u", "--amount", "-5")
    worse = run(pipeline, "try", "--user", "u", "--amount", "nan", "--json")

    assert fine.startswith("legitimate, visible ")
    assert "moved by" not in fine
    assert "reasons      ML anomaly detection\n" in odd
    assert "moved by     amount: 399.00, typically 12.50 (+0." in odd
    assert bad.returncode == worse.returncode == 1
    assert bad.stdout.startswith("DEAD LETTER, visible ")
    assert "because      The amount is negative: -5.0.\n" in bad.stdout
    assert json.loads(worse.stdout)["errors"]["exception.message"] == "The amount is not a number: nan."
    letters = output(pipeline, "topics", "tail", "transactions_dlq")
    assert "TRANSFORMATION: The amount is negative: -5.0." in letters


def test_where_no_detector_runs_it_says_how_to_start_one(pipeline: Pipeline) -> None:
    done = run(pipeline, *TRY, "--amount", "1", "--timeout", "1")

    assert done.returncode == 75
    assert "No decision within 1 s: no detector seems to work on" in done.stderr
    assert "`fraudstream demo`" in done.stderr


def test_topics_of_another_prefix_are_pointed_out(pipeline: Pipeline) -> None:
    done = run(pipeline, *TRY, "--amount", "1", "--topic-prefix", "nobodys.")

    assert done.returncode == 2
    assert "There is no topic nobodys.classified_transactions" in done.stderr
    assert "Did you mean --topic-prefix" in done.stderr
