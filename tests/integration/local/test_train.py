"""Training from Kafka: what detectors decided, with labels as they were known, through a broker restart."""

import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from fraud_core.errors import NotEnoughSamplesError
from fraud_core.models import fetch_bundle
from fraud_local.cli import app
from fraud_local.stack import Stack
from fraud_trainer.logged import Topics
from fraud_trainer.rows import UNKNOWN
from tests.support.histories import DELAY, KNOWN, START, history, send_labels, transactions
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made
from tests.support.stack import started

pytestmark = pytest.mark.stack

MILLISECOND = timedelta(milliseconds=1)
PAGE_COMMAND = "fraudstream train --algorithm ensemble --window 30d --report report.html"


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that may be broken without disturbing others."""
    with started(tmp_path_factory.mktemp("own-stack")) as one:
        yield one


@pytest.fixture
def own_pipeline(own_stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = own_stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def train(pipeline: Pipeline, *arguments: str) -> dict[str, Any]:
    kafka, registry = pipeline.settings.kafka, pipeline.settings.schema_registry
    result = CliRunner().invoke(
        app,
        [
            "train", "--label-delay", "3d", "--threshold", "0.05", "--json",
            "--bootstrap-servers", kafka.bootstrap_servers, "--schema-registry-url", str(registry.url),
            *arguments,
        ],
        env=pipeline.environment,
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    return found


def test_a_model_is_trained_from_logged_decisions_and_the_labels_that_were_known(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    past = history(days=60, a_day=100)
    send_labels(pipeline, past)
    pipeline.detector(SIDE__LABEL_DELAY_H="72", STATE__SNAPSHOT_CYCLE_S="5")
    pipeline.send(transactions(past))
    decisions = pipeline.decisions(past.height)

    found = train(pipeline, "--algorithm", "hist_gradient_boosting", "--output", str(tmp_path))
    again = train(pipeline, "--algorithm", "hist_gradient_boosting", "--output", str(tmp_path))

    until = max(decisions["timestamp"].to_list()) + MILLISECOND
    window = past.filter(pl.col("AT").is_between(until - timedelta(days=33), until - DELAY, closed="left"))
    assert found["counts"]["training"] == window.filter(pl.col("AT") + DELAY <= KNOWN).height
    assert found["counts"]["training_frauds"] > 0
    assert found["counts"]["labels_chargeback"] == found["counts"]["training_frauds"]
    assert found["metrics"]["average_precision"] > 0.6
    assert again["sha256"] == found["sha256"]
    assert fetch_bundle(found["url"], found["sha256"]).manifest.algorithm == "hist_gradient_boosting"


def test_by_default_the_bundle_is_published_where_rollouts_find_it(pipeline: Pipeline) -> None:
    past = history(days=40, a_day=60)
    send_labels(pipeline, past)
    pipeline.detector()
    pipeline.send(transactions(past))
    pipeline.decisions(past.height)

    found = train(pipeline, "--algorithm", "isolation_forest", "--window", "20d")

    assert found["url"].startswith("kafka://")
    model = fetch_bundle(found["url"], found["sha256"], pipeline.settings.kafka)
    assert model.version == found["version"]


def test_the_command_of_the_page_compares_with_the_champion_of_the_rollout(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    assert f"\n{PAGE_COMMAND}\n" in page
    monkeypatch.chdir(tmp_path)
    past = history()
    send_labels(pipeline, past)
    pipeline.detector()
    pipeline.send(transactions(past))
    pipeline.decisions(past.height)
    champion = train(pipeline, "--algorithm", "isolation_forest")
    promoted = CliRunner().invoke(
        app, ["models", "promote", champion["version"], "--wait", "0"], env=pipeline.environment
    )
    assert promoted.exit_code == 0, promoted.output

    found = train(pipeline, *shlex.split(PAGE_COMMAND)[2:])

    assert found["champion"] == champion["version"]
    assert "champion_average_precision" in found["metrics"]
    assert found["version"] in (tmp_path / "report.html").read_text()
    _trained_by_a_job(pipeline, tmp_path / "result.json", champion["version"])


def _trained_by_a_job(pipeline: Pipeline, result: Path, champion: str) -> None:
    """What the Jobs of a FraudModel run, on the same decisions and beside the same champion."""
    job = [
        "trainer",
        "train",
        "--algorithm",
        "hist_gradient_boosting",
        "--label-delay",
        "3d",
        "--threshold",
        "0.05",
    ]
    ends = ["--pipeline", pipeline.name, "--result", str(result)]

    done = CliRunner().invoke(app, [*job, *ends], env=pipeline.environment)
    assert done.exit_code == 0, done.output
    said = orjson.loads(result.read_bytes())
    assert said["parent_version"] == champion
    assert {"average_precision", "champion_average_precision"} <= said["metrics"].keys()
    assert fetch_bundle(said["url"], said["sha256"], pipeline.settings.kafka).version == said["version"]

    refused = CliRunner().invoke(app, [*job, "--min-samples", "1000000", *ends], env=pipeline.environment)
    assert isinstance(refused.exception, NotEnoughSamplesError)
    assert orjson.loads(result.read_bytes())["reason"] == "NotEnoughSamples"

    measured = CliRunner().invoke(
        app, ["trainer", "precision", "--label-maturity", "1d", *ends], env=pipeline.environment
    )
    assert measured.exit_code == 0, measured.output
    assert orjson.loads(result.read_bytes())["precision"].keys() == {champion}


def test_rows_have_what_decisions_say_and_a_share_of_them_still_has_all_frauds(pipeline: Pipeline) -> None:
    past = history(days=40, a_day=60)
    send_labels(pipeline, past)
    pipeline.detector()
    pipeline.send(transactions(past))
    decisions = pipeline.decisions(past.height)
    source = Topics(pipeline.settings)
    end = START + timedelta(days=40)

    labels = source.labels(end)
    rows = source.rows(START, end, labels, most=1_000_000)
    few = source.rows(START, end, labels, most=past.height // 4)

    amounts = decisions.sort("timestamp")["amount"].to_list()
    assert sorted(rows.values[0].tolist()) == sorted(amounts)
    assert (rows.times[1:] >= rows.times[:-1]).all()
    known = past.filter(pl.col("AT") + DELAY <= end)
    assert int((rows.labels == 1).sum()) == known["IS_FRAUD"].sum()
    assert int((rows.labels == UNKNOWN).sum()) == past.height - known.height
    assert int((few.labels == 1).sum()) == known["IS_FRAUD"].sum()
    assert len(few) < len(rows) / 2
    assert few.weights.sum() == pytest.approx(len(rows), rel=0.2)


def test_reading_goes_on_where_it_was_when_the_broker_comes_back(
    own_stack: Stack, own_pipeline: Pipeline
) -> None:
    past = history(days=40, a_day=120)
    own_pipeline.detector()
    own_pipeline.send(transactions(past))
    own_pipeline.decisions(past.height)
    restarts: list[int] = []

    def restart(done: int, total: int) -> None:
        if not restarts:
            restarts.append(total - done)
            own_stack.broker.kill()
            own_stack.broker.start()

    source = Topics(own_pipeline.settings)
    labels = source.labels(START)
    rows = source.rows(START, START + timedelta(days=40), labels, most=1_000_000, on_rows=restart)

    assert restarts[0] > 0
    assert len(rows) == past.height
