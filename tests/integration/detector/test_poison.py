"""Bad records end among the dead letters, as they were read, and good ones pass."""

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import structlog
from confluent_kafka import Message

from fraud_core.settings import load_settings
from fraud_detector.metrics import Metrics
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import run
from tests.support.pipeline import Pipeline, configure, transactions, until

pytestmark = pytest.mark.stack
PREFIX = "__connect.errors."


def one(pipeline: Pipeline, **columns: Any) -> bytes:
    return pipeline.encode(transactions(0, 1).drop(columns).with_columns(**_literals(columns)))[0]


def _literals(columns: dict[str, Any]) -> dict[str, Any]:
    return {
        name: pl.lit(value).cast(pl.Datetime("ms")) if isinstance(value, datetime) else pl.lit(value)
        for name, value in columns.items()
    }


@pytest.fixture
def poison(pipeline: Pipeline) -> dict[str, tuple[bytes | None, str, str]]:
    """Key -> value, stage and message of its dead letter."""
    good = one(pipeline)
    return {
        "random": (b"\x8f\x01\x02garbage", "VALUE_CONVERTER", "begins with byte 0x8f"),
        "json": (b'{"user": "John"}', "VALUE_CONVERTER", "begins with byte 0x7b"),
        "empty": (b"", "VALUE_CONVERTER", "has 0 bytes"),
        "tombstone": (None, "VALUE_CONVERTER", "The value is null (a tombstone)."),
        "schema": (b"\0\x7f\xff\xff\xff" + good[5:], "VALUE_CONVERTER", "no schema with id 2147483647"),
        "top bit": (b"\0\x80\0\0\0" + good[5:], "VALUE_CONVERTER", "a schema with id 2147483648"),
        "cut": (good[:-3], "VALUE_CONVERTER", "ends in the middle"),
        "long": (good + b"x", "VALUE_CONVERTER", "belong to no field"),
        "nan": (one(pipeline, amount=float("nan")), "TRANSFORMATION", "The amount is not a number: nan."),
        "negative": (one(pipeline, amount=-5.0), "TRANSFORMATION", "The amount is negative: -5.0."),
        "future": (one(pipeline, timestamp=datetime(9999, 1, 1)), "TRANSFORMATION", "more than a day ahead"),
        "past": (one(pipeline, timestamp=datetime(1999, 1, 1)), "TRANSFORMATION", "before the year 2000"),
    }


def texts(letter: Message) -> dict[str, str]:
    return {name: bytes(text or b"").decode() for name, text in letter.headers() or []}  # type: ignore[arg-type,str-unpack]


def test_each_becomes_a_dead_letter_with_connects_headers(
    pipeline: Pipeline, poison: dict[str, tuple[bytes | None, str, str]]
) -> None:
    pipeline.detector()
    pipeline.send(transactions(0, 200))
    pipeline.send_raw([(key, value) for key, (value, _, _) in poison.items()], [("trace", b"abc")])
    pipeline.send(transactions(200, 400))

    decided = pipeline.decisions(400)
    letters = pipeline.dead_letters(len(poison))

    assert decided.height == 400
    assert len(letters) == len(poison)
    for letter in letters:
        value, stage, says = poison[(letter.key() or b"").decode()]
        headers = texts(letter)
        assert letter.value() == value
        assert headers["trace"] == "abc"
        assert headers[PREFIX + "topic"] == pipeline.topics.transactions.name
        assert headers[PREFIX + "partition"].isdigit()
        assert headers[PREFIX + "offset"].isdigit()
        assert headers[PREFIX + "connector.name"] == pipeline.environment["FRAUD_PIPELINE"]
        assert headers[PREFIX + "task.id"] == headers[PREFIX + "partition"]
        assert headers[PREFIX + "stage"] == stage
        assert says in headers[PREFIX + "exception.message"]
        assert headers[PREFIX + "exception.class.name"]
        assert headers[PREFIX + "exception.stacktrace"]
        assert headers[PREFIX + "class.name"]


@pytest.mark.parametrize("value", [None, b""])
def test_so_does_one_without_a_value_that_comes_alone(pipeline: Pipeline, value: bytes | None) -> None:
    pipeline.detector()
    pipeline.send(transactions(0, 10))
    pipeline.decisions(10)

    pipeline.send_raw([("alone", value)])

    assert [letter.value() for letter in pipeline.dead_letters(1)] == [value]


def test_garbage_with_thousands_of_schema_ids_costs_none_of_the_good_ones(pipeline: Pipeline) -> None:
    pipeline.detector(ERRORS__RETRY__TIMEOUT="0")
    ids = range(2_000_000_000, 2_000_001_500)
    pipeline.send(transactions(0, 100))
    pipeline.send_raw([("id", b"\0" + one.to_bytes(4, "big") + b"x") for one in ids])
    pipeline.send(transactions(100, 200))

    assert pipeline.decisions(200).height == 200
    letters = pipeline.dead_letters(len(ids))
    assert sorted(int.from_bytes((letter.value() or b"")[1:5], "big") for letter in letters) == list(ids)


def test_while_many_schema_ids_are_asked_for_a_worker_stays_ready(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fraud_detector.worker.ASK_S", 0.0)  # so that each batch of ids is another pass
    for name, value in pipeline.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(DetectorSettings, worker="w", http={"enabled": False})
    metrics, stop, ids = Metrics(), threading.Event(), range(2_000_000_000, 2_000_000_100)
    worker = threading.Thread(target=run, args=(settings, stop, metrics))
    with structlog.testing.capture_logs() as logs:
        worker.start()
        try:
            until(metrics.ready, "it runs")
            pipeline.send_raw([("id", b"\0" + one.to_bytes(4, "big") + b"x") for one in ids])
            until(lambda: _letters(metrics) == len(ids) or not metrics.ready(), "all are dead letters")
        finally:
            stop.set()
            worker.join()

    assert any("still to be asked" in line.get("reason", "") for line in logs)
    assert _letters(metrics) == len(ids)


def _letters(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("fraud_dead_letters_total", {"stage": "VALUE_CONVERTER"}) or 0.0


def test_with_tolerance_none_the_task_fails_and_names_the_record(pipeline: Pipeline) -> None:
    detector = pipeline.detector(ERRORS__TOLERANCE="none")
    pipeline.send_raw([("john", b"poison")])

    detector.says("task_failed")

    assert f"The record {pipeline.topics.transactions.name}[" in detector.log
    assert "FRAUD_ERRORS__TOLERANCE=all" in detector.log
    assert "Traceback" not in detector.log


def test_each_can_be_logged_without_its_content(pipeline: Pipeline) -> None:
    detector = pipeline.detector(ERRORS__LOG__ENABLE="true", LOG__FORMAT="json")
    pipeline.send_raw([("john", b"poison")])

    detector.says('"dead_letter"')

    line = next(line for line in detector.log.splitlines() if '"dead_letter"' in line)
    assert f'"place": "{pipeline.topics.transactions.name}[' in line
    assert '"stage": "VALUE_CONVERTER"' in line
    assert "poison" not in detector.log
    assert "john" not in detector.log


def test_without_context_headers_a_dead_letter_is_the_record_and_nothing_else(pipeline: Pipeline) -> None:
    pipeline.detector(
        ERRORS__DEADLETTERQUEUE__CONTEXT__HEADERS__ENABLE="false", TOPICS__MAX_MESSAGE_BYTES="2048"
    )
    pipeline.send_raw([("john", b"poison")], [("trace", b"abc")])
    pipeline.send_raw([("large", b"x" * 5_000)])

    letters = {letter.value(): letter for letter in pipeline.dead_letters(2)}

    assert letters[b"poison"].headers() == [("trace", b"abc")]
    assert letters[b"poison"].key() == b"john"
    assert PREFIX + "exception.message" in texts(letters[None])  # or nothing would be left of it


def test_a_decision_that_fits_no_message_is_a_dead_letter_and_not_the_end(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- name: wordy\n  expression: merchant_category <> ''\n  reason: '{merchant_category}'\n"
    )
    pipeline.detector(TOPICS__MAX_MESSAGE_BYTES="2048", RULES=str(rules))
    pipeline.send(transactions(0, 1, merchant_category="x" * 1_900))
    pipeline.send(transactions(1, 10))

    assert pipeline.decisions(9).height == 9
    letter = pipeline.dead_letters(1)[0]
    assert b"x" * 1_900 in (letter.value() or b"")
    assert texts(letter)[PREFIX + "stage"] == "KAFKA_PRODUCE"
    assert "the output topics allow" in texts(letter)[PREFIX + "exception.message"]


def test_topics_that_take_less_than_they_should_get_no_more_than_they_take(pipeline: Pipeline) -> None:
    topics = pipeline.topics
    for topic in (topics.classified, topics.alerts, topics.dead_letters):
        configure(pipeline, topic.name, max_message_bytes="10000")
    detector = pipeline.detector(LOG__FORMAT="json")
    pipeline.send_raw([("large", b"x" * 50_000)])
    pipeline.send(transactions(0, 2_000))

    assert pipeline.decisions(2_000).height == 2_000
    (letter,) = pipeline.dead_letters(1)
    assert letter.value() is None
    says = texts(letter)[PREFIX + "exception.message"]
    assert f"bytes that {topics.dead_letters.name} allows" in says
    limited = detector.events("output_limited")
    assert {(event["topic"], event["allows"]) for event in limited} == {
        (topic.name, 10_000) for topic in (topics.classified, topics.alerts, topics.dead_letters)
    }
    assert detector.events("aborted") == []


def test_a_topic_that_takes_next_to_nothing_is_refused(pipeline: Pipeline) -> None:
    configure(pipeline, pipeline.topics.dead_letters.name, max_message_bytes="1000")

    detector = pipeline.detector()

    assert detector.exit_code() == 2
    assert f"{pipeline.topics.dead_letters.name} has max.message.bytes=1000" in detector.log


def test_a_dead_letter_that_is_itself_too_large_goes_without_what_does_not_fit(pipeline: Pipeline) -> None:
    pipeline.detector(TOPICS__MAX_MESSAGE_BYTES="2048")
    pipeline.send_raw([("large", b"x" * 5_000)])
    pipeline.send_raw([("headers", b"poison")], [("trace", b"y" * 5_000)])
    pipeline.send(transactions(0, 10))

    assert pipeline.decisions(10).height == 10
    by_value = {letter.value(): texts(letter) for letter in pipeline.dead_letters(2)}
    assert set(by_value) == {None, b"poison"}
    assert "trace" not in by_value[b"poison"]
    message = by_value[None][PREFIX + "exception.message"]
    assert "lacks the record" in message
    assert f"read it at {pipeline.topics.transactions.name}[" in message
    assert "begins with byte 0x78" in message
