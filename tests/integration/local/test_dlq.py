"""`fraudstream dlq` against a real broker, registry and detector: look, mend, resubmit each letter once."""

import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from fraud_core.kafka import client_config
from fraud_core.schemas import schema
from fraud_detector.dead_letters import PREFIX, Headers
from fraud_local.dlq.letter import LEFT_OUT
from fraud_local.dlq.plan import REPLAYED_FROM
from fraud_local.stack import Stack
from tests.support import forked
from tests.support.letters import write_letters
from tests.support.pipeline import Pipeline, transactions
from tests.support.pipeline import pipeline as made

pytestmark = pytest.mark.stack
MAIN = (sys.executable, "-m", "fraud_local", "dlq")
MANY = 20_000


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def run(pipeline: Pipeline, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.ended("fraud_local", "dlq", *arguments, environment=pipeline.process_environment())


def output(pipeline: Pipeline, *arguments: str) -> str:
    done = run(pipeline, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(pipeline: Pipeline, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output(pipeline, "list", "--json", *arguments).splitlines()]


def resubmitted(pipeline: Pipeline, count: int) -> list[Message]:
    """Committed records of the input that came from dead letters."""
    records = pipeline.outputs(count, pipeline.topics.transactions.name)
    return [record for record in records if REPLAYED_FROM in dict(headers_of(record))]


def headers_of(message: Message) -> list[tuple[str, str | bytes | None]]:
    found = message.headers() or []
    return list(found.items()) if isinstance(found, dict) else found


def of_unknown_schema(pipeline: Pipeline) -> bytes:
    """A transaction of a writer that has not registered its schema yet: its id is the next to be given."""
    newest = register(pipeline, "probe")
    (known,) = pipeline.encode(transactions(0, 1))
    return b"\0" + (newest + 1).to_bytes(4, "big") + known[5:]


def register(pipeline: Pipeline, documentation: str) -> int:
    """The schema of transactions, documented in a way of its own so that it gets an id of its own."""
    prefix = pipeline.settings.topics.prefix
    documented = schema("Transaction") | {"doc": f"{prefix}{documentation}"}
    with closing(SchemaRegistryClient({"url": pipeline.settings.schema_registry.url})) as client:
        return int(client.register_schema(f"{prefix}{documentation}", Schema(json.dumps(documented), "AVRO")))


def test_a_dead_letter_is_listed_shown_mended_and_replayed_to_one_decision(pipeline: Pipeline) -> None:
    value = of_unknown_schema(pipeline)
    pipeline.detector()
    pipeline.send_raw([("u0", value)], [("trace", b"abc")])
    (letter,) = pipeline.dead_letters(1)
    before = listed(pipeline)
    shown = output(pipeline, "show", before[0]["read_at"])

    assert register(pipeline, "late") == int.from_bytes(value[1:5], "big")
    said = output(pipeline, "replay", "--yes")

    assert [one["error"] for one in before] == ["UnknownSchemaError"]
    assert "what is wrong UnknownSchemaError: The registry has no schema with id" in shown
    assert said == "1 dead letter to replay\n1 record replayed\n"
    assert pipeline.decisions(1)["transaction_id"].to_list() == ["t0"]
    assert len(pipeline.dead_letters(1)) == 1
    (record,) = resubmitted(pipeline, 2)
    assert (record.key(), record.value()) == (letter.key(), letter.value())
    assert headers_of(record) == [("trace", b"abc"), (REPLAYED_FROM, before[0]["place"].encode())]
    assert listed(pipeline)[0]["replayed"] is True


def test_the_list_has_a_line_a_letter_and_counts_by_stage_and_reason(pipeline: Pipeline) -> None:
    write_letters(pipeline, 3)
    write_letters(pipeline, 1, stage="VALUE_CONVERTER", **{"exception.message": "\x1b[2J begins with 0x7b."})

    lines = output(pipeline, "list", "-n", "2").splitlines()
    filtered = output(pipeline, "list", "--stage", "value_converter").splitlines()

    name = pipeline.topics.dead_letters.name
    assert len(lines) == 2 + 1 + 2
    assert f"  {pipeline.topics.transactions.name}[0]@" in lines[0]
    assert lines[2] == f"4 dead letters on {name}"
    assert lines[3] == "       3  TRANSFORMATION  Odd: Odd #."
    assert filtered[1] == f"1 dead letter on {name}"
    assert filtered[2] == r"       1  VALUE_CONVERTER  Odd: \x1b[#J begins with #."
    assert f"VALUE_CONVERTER  Odd: \\x1b[2J begins with 0x7b.  key 0  {name}[" in filtered[0]


def test_the_last_letters_are_listed_by_time_and_older_ones_left_out(pipeline: Pipeline) -> None:
    producer, name = Producer(client_config(pipeline.settings.kafka)), pipeline.topics.dead_letters.name
    begun = datetime.now(UTC) - timedelta(hours=3)
    for number in range(9):
        at = int(begun.timestamp() * 1_000) + 60_000 * number
        producer.produce(name, b"x", str(number), partition=number % 3, timestamp=at)
    assert producer.flush(30) == 0

    assert [one["key"] for one in listed(pipeline, "-n", "4")] == ["5", "6", "7", "8"]
    since = listed(pipeline, "--since", f"{begun + timedelta(minutes=6):%Y-%m-%dT%H:%M:%SZ}")
    assert [one["key"] for one in since] == ["6", "7", "8"]
    assert listed(pipeline, "--since", "1h") == []
    assert since[0]["read_at"] is None


def test_a_letter_is_found_by_its_own_place_and_by_its_records(pipeline: Pipeline) -> None:
    write_letters(pipeline, 5)
    (wanted,) = (one for one in listed(pipeline) if one["key"] == "3")
    place = wanted["place"].removeprefix(pipeline.topics.dead_letters.name)

    pages = [output(pipeline, "show", spot) for spot in (place, wanted["place"], wanted["read_at"])]
    absent = [run(pipeline, "show", spot) for spot in ("[0]@99", "[77]@0", "nowhere[0]@1")]
    wrong = run(pipeline, "show", "3")

    assert pages[0] == pages[1] == pages[2]
    assert r"trace  \xff  (hex ff)" in pages[0]
    assert "  000000  76 33 " in pages[0]
    assert "decoded       no: The value is not in Confluent's wire format." in pages[0]
    assert {done.returncode for done in absent} == {2}
    assert all("There is no dead letter" in done.stderr for done in absent)
    assert "'3' is no place of a record; write it like transactions[0]@42" in wrong.stderr


def test_a_record_that_can_be_decoded_is_shown_field_by_field(pipeline: Pipeline) -> None:
    pipeline.detector()
    pipeline.send(transactions(0, 1).with_columns(amount=-5.0))
    pipeline.dead_letters(1)

    page = output(pipeline, "show", listed(pipeline)[-1]["place"])

    assert "what is wrong InvalidTransactionError: The amount is negative: -5.0." in page
    assert re.search(r"^  amount +-5\.0$", page, re.MULTILINE)
    assert f"  {PREFIX}exception.stacktrace" in page


def test_running_it_twice_replays_nothing_twice(pipeline: Pipeline) -> None:
    write_letters(pipeline, 10)

    first = output(pipeline, "replay", "--yes")
    write_letters(pipeline, 1)
    second = output(pipeline, "replay", "--yes")
    third = output(pipeline, "replay", "--yes")

    assert first == "10 dead letters to replay\n10 records replayed\n"
    assert second == "1 dead letter to replay\n10 replayed before\n1 record replayed\n"
    assert third == "0 dead letters to replay\n11 replayed before\n"
    assert len(resubmitted(pipeline, 11)) == 11


def test_a_dry_run_says_what_would_be_done_and_does_nothing(pipeline: Pipeline) -> None:
    write_letters(pipeline, 3)

    assert output(pipeline, "replay", "--dry-run") == "3 dead letters to replay\n"
    assert resubmitted(pipeline, 0) == []
    assert not any(one["replayed"] for one in listed(pipeline))


def test_what_others_write_beside_the_replays_is_passed_over(pipeline: Pipeline) -> None:
    write_letters(pipeline, 1)
    output(pipeline, "replay", "--yes")
    producer = Producer(client_config(pipeline.settings.kafka))
    producer.produce(pipeline.topics.replays.name, b"", b"\xff\xfe")
    assert producer.flush(60) == 0

    assert listed(pipeline)[0]["replayed"] is True


def test_only_what_is_selected_is_replayed_and_the_rest_can_follow(pipeline: Pipeline) -> None:
    write_letters(pipeline, 5)
    write_letters(pipeline, 2, stage="VALUE_CONVERTER")
    spots = [one["place"] for one in listed(pipeline) if one["key"] == "4"]
    spots.append(f"{pipeline.topics.transactions.name}[0]@2")

    only = output(pipeline, "replay", "--yes", "--only", spots[0], "--only", spots[1])
    stage = output(pipeline, "replay", "--yes", "--stage", "VALUE_CONVERTER")
    rest = output(pipeline, "replay", "--yes")
    unknown = run(pipeline, "replay", "--yes", "--only", "[0]@999")

    assert only.endswith("2 records replayed\n")
    assert stage.endswith("2 records replayed\n")
    assert rest == "3 dead letters to replay\n4 replayed before\n3 records replayed\n"
    keys = Counter((record.key() or b"").decode() for record in resubmitted(pipeline, 7))
    assert keys == {"0": 2, "1": 2, "2": 1, "3": 1, "4": 1}
    assert "There is no dead letter" in unknown.stderr


def test_records_go_to_another_topic_where_that_is_said(pipeline: Pipeline) -> None:
    write_letters(pipeline, 2, topic="long-gone")
    name = pipeline.topics.transactions.name

    nowhere = run(pipeline, "replay", "--yes")
    there = output(pipeline, "replay", "--yes", "--to", name)

    assert nowhere.returncode == 2
    assert "There is no topic long-gone" in nowhere.stderr
    assert "--to" in nowhere.stderr
    assert there.endswith("2 records replayed\n")
    assert len(resubmitted(pipeline, 2)) == 2
    assert run(pipeline, "replay", "--to", pipeline.topics.dead_letters.name).returncode == 2


def test_letters_that_cannot_be_resubmitted_are_counted_and_told(pipeline: Pipeline) -> None:
    producer = Producer(client_config(pipeline.settings.kafka) | {"message.max.bytes": 4_000_000})
    name = pipeline.topics.dead_letters.name
    origin: Headers = [
        (f"{PREFIX}topic", pipeline.topics.transactions.name),
        (f"{PREFIX}partition", "0"),
        (f"{PREFIX}offset", "7"),
    ]
    producer.produce(name, None, headers=[*origin, (f"{PREFIX}exception.class.name", f"x.{LEFT_OUT}")])
    producer.produce(name, b"no headers")
    producer.produce(name, b"x" * 1_500_000, headers=origin)
    producer.produce(name, None, "tombstone", headers=origin)
    assert producer.flush(30) == 0

    said = output(pipeline, "replay", "--yes").splitlines()

    assert said == [
        "1 dead letter to replay",
        "1 without the record, which did not fit into the letter",
        "1 without headers that say where they were read (give --to)",
        "1 larger than the topic allows",
        "1 record replayed",
    ]
    (record,) = resubmitted(pipeline, 1)
    assert (record.key(), record.value()) == (b"tombstone", None)


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again_each_letter_is_replayed_once(pipeline: Pipeline) -> None:
    write_letters(pipeline, MANY)
    with subprocess.Popen(
        [*MAIN, "replay", "--yes"],
        env=pipeline.process_environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as killed:
        assert killed.stderr is not None
        assert b"of 20,000 replayed" in killed.stderr.readline()
        killed.kill()

    again = output(pipeline, "replay", "--yes")

    before = re.search(r"^([\d,]+) replayed before$", again, re.MULTILINE)
    assert before
    assert 0 < int(before[1].replace(",", "")) < MANY
    keys = Counter(record.key() for record in resubmitted(pipeline, MANY))
    assert len(keys) == MANY
    assert set(keys.values()) == {1}


@pytest.mark.slow
def test_a_replay_that_is_started_while_another_runs_takes_over(pipeline: Pipeline) -> None:
    write_letters(pipeline, MANY)
    with subprocess.Popen(
        [*MAIN, "replay", "--yes"],
        env=pipeline.process_environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as first:
        assert first.stderr is not None
        first.stderr.readline()
        second = run(pipeline, "replay", "--yes")
        words = first.stderr.read().decode()

    assert second.returncode == 0
    assert first.returncode in (0, 3)
    assert first.returncode == 0 or "Another `fraudstream dlq replay` was started" in words
    keys = Counter(record.key() for record in resubmitted(pipeline, MANY))
    assert len(keys) == MANY
    assert set(keys.values()) == {1}


def test_without_a_terminal_and_without_yes_nothing_is_replayed(pipeline: Pipeline) -> None:
    write_letters(pipeline, 1)

    done = run(pipeline, "replay")

    assert done.returncode == 2
    assert "Give --yes" in done.stderr
    assert resubmitted(pipeline, 0) == []


@pytest.mark.parametrize(("answer", "count"), [(b"n\n", 0), (b"y\n", 1)])
def test_on_a_terminal_it_asks(pipeline: Pipeline, answer: bytes, count: int) -> None:
    write_letters(pipeline, 1)
    keyboard, terminal = pty.openpty()
    with subprocess.Popen(
        [*MAIN, "replay"],
        env=pipeline.process_environment(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(keyboard, answer)
        words, _ = process.communicate(timeout=60)
    os.close(keyboard)
    os.close(terminal)

    assert "1 dead letter to replay\nResubmit 1 record? [y/N]: " in words
    assert process.returncode == (0 if count else 1)
    assert len(resubmitted(pipeline, count)) == count


def test_a_broker_that_is_away_is_one_message_and_exit_75(pipeline: Pipeline) -> None:
    for command in (("list",), ("show", "[0]@1"), ("replay", "--yes")):
        done = run(pipeline, *command, "--bootstrap-servers", "127.0.0.1:1")

        assert done.returncode == 75
        assert done.stderr.startswith("error: No Kafka broker answers at 127.0.0.1:1 ")


def test_a_dead_letter_topic_of_another_name_is_found_by_the_detectors_own_setting(
    pipeline: Pipeline,
) -> None:
    write_letters(pipeline, 1)
    pipeline.environment["FRAUD_ERRORS__DEADLETTERQUEUE__TOPIC__NAME"] = pipeline.topics.alerts.name

    assert listed(pipeline) == []
    assert len(listed(pipeline, "--topic", "transactions_dlq")) == 1
