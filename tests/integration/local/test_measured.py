"""What a Job that measures precision reads of the decisions: those that can count, and little else."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fastavro
import polars as pl
import pytest
from confluent_kafka import Producer

from fraud_core.kafka import client_config
from fraud_core.schemas import schema
from fraud_local.stack import Stack
from fraud_trainer.judged import Newest, counting, newest_decisions, read_decisions
from fraud_trainer.unattended import measured
from tests.support.bundles import small_bundle
from tests.support.labelling import label
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made
from tests.support.rolling_out import publish, roll_out

pytestmark = pytest.mark.stack
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MATURITY = 30 * DAY
STEP = NOW - 32 * DAY
"""When the step began: what was decided in its first two days is old enough to count."""


def alerted(version: str, times: dict[str, datetime], late: timedelta = timedelta()) -> pl.DataFrame:
    """Alerts of a version by their transactions' ids, which arrived so late and were decided at once."""
    return pl.DataFrame({"transaction_id": times.keys(), "timestamp": times.values()}).with_columns(
        user=pl.lit("u"), model_version=pl.lit(version), decided_at=pl.col("timestamp") + late
    )


def produce(pipeline: Pipeline, alerts: pl.DataFrame) -> None:
    """As a detector does: with the Kafka timestamps of their transactions. All in one partition, in order."""
    topic = pipeline.topics.alerts
    head = b"\0" + pipeline.registry.id_of(topic).to_bytes(4, "big")
    producer = Producer(client_config(pipeline.settings.kafka))
    for row in alerts.to_dicts():
        content = io.BytesIO()
        arrived = row["decided_at"].replace(tzinfo=UTC)
        times = {"timestamp": row["timestamp"].replace(tzinfo=UTC), "decided_at": arrived}
        decision = row | times | {"amount": 1.0, "fraudulent": True, "reason": [], "score": 1.0}
        fastavro.schemaless_writer(content, schema("Decision"), decision)
        at = int(arrived.timestamp() * 1_000)
        producer.produce(topic.name, head + content.getvalue(), partition=0, timestamp=at)
    assert producer.flush(60) == 0


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    where = stack.addresses
    with made(where.bootstrap_servers, where.schema_registry_url, tmp_path) as pipeline:
        yield pipeline


@pytest.fixture
def version(pipeline: Pipeline) -> str:
    """The pipeline's champion."""
    ref = publish(pipeline, small_bundle())
    roll_out(pipeline, champion=ref)
    return ref.version


LIVE = {
    "long ago": NOW - 60 * DAY,
    "before": STEP - HOUR,
    "first": STEP + HOUR,
    "second": STEP + DAY,
    "young": NOW - 20 * DAY,
    "now": NOW,
}


def read(pipeline: Pipeline) -> set[str]:
    """Transactions whose decisions are read where the step's are asked for."""
    newest = newest_decisions(pipeline.settings)
    begin, until = counting(NOW.replace(tzinfo=UTC) - 90 * DAY, STEP, newest, MATURITY)
    return set(read_decisions(pipeline.settings, begin, until)["transaction_id"])


def labelled(pipeline: Pipeline, version: str) -> int:
    since = NOW.replace(tzinfo=UTC) - 90 * DAY
    return measured(pipeline.settings, pipeline.name, MATURITY, since, STEP)[version].labelled


def test_of_three_months_the_days_are_read_in_which_the_step_was_and_that_are_mature(
    pipeline: Pipeline, version: str
) -> None:
    alerts = alerted(version, LIVE)
    produce(pipeline, alerts)
    label(pipeline, alerts, fraud=pl.lit(value=True), at=pl.col("timestamp") + DAY)

    assert newest_decisions(pipeline.settings) == Newest(NOW, NOW)
    assert read(pipeline) == {"before", "first", "second"}
    assert labelled(pipeline, version) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_decisions_with_a_wrong_timestamp_hide_none_of_those_after_them(
    pipeline: Pipeline, version: str, count: int
) -> None:
    wrong = {f"ahead {number}": NOW - 10 * DAY for number in range(count)}
    alerts = alerted(version, {"before": LIVE["before"], **wrong, **LIVE})
    produce(pipeline, alerts)
    label(pipeline, alerts, fraud=pl.lit(value=True), at=pl.col("timestamp") + DAY)

    assert {"first", "second"} <= read(pipeline)
    assert labelled(pipeline, version) == 2


def test_where_what_arrives_happened_long_ago_all_since_the_step_began_is_read(
    pipeline: Pipeline, version: str
) -> None:
    """A replay: what counts arrived just now."""
    alerts = alerted(version, {"old": NOW - 200 * DAY, "new": NOW - 160 * DAY}, late=159 * DAY)
    produce(pipeline, alerts)
    label(pipeline, alerts, fraud=pl.lit(value=True), at=pl.col("timestamp") + DAY)

    since = NOW - 45 * DAY
    found = measured(pipeline.settings, pipeline.name, MATURITY, since.replace(tzinfo=UTC), since)

    assert found[version].labelled == 1


def test_before_anything_is_decided_nothing_is_known(pipeline: Pipeline, version: str) -> None:
    assert newest_decisions(pipeline.settings) is None
    assert labelled(pipeline, version) == 0
