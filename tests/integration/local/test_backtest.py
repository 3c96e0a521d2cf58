"""What a backtest decides is what the pipeline on Kafka decides of the same input, if it has the labels.

And what it finds in a topic is what it finds in a file of the same.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from fraud_core.errors import ConfigError, InputError
from fraud_core.features import FEATURES
from fraud_core.models import fetch_bundle
from fraud_core.rules import load_rules
from fraud_local.backtest.engine import replayed
from fraud_local.cli import app
from fraud_local.stack import Stack
from fraud_producer.replay import parse_mapping, read_history
from tests.support.histories import DELAY, KNOWN, MAPPING, START, history, send_labels, transactions, written
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made

pytestmark = pytest.mark.stack


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def trained(path: Path, output: Path) -> tuple[str, str]:
    flags = ("--map", MAPPING, "--label", "IS_FRAUD", "--label-delay", "3d", "--threshold", "0.05")
    small = ("--set", "n_estimators=10", "--set", "max_iter=10", "--set", "isolation_forest=0.2")
    rejects = ("--rejects", str(output / "rejects"))
    result = CliRunner().invoke(
        app, ["train", "--input", str(path), *flags, *small, *rejects, "--output", str(output), "--json"]
    )
    found = orjson.loads(result.stdout.splitlines()[-1])
    return found["url"], found["sha256"]


def test_features_scores_and_alerts_are_the_same(pipeline: Pipeline, tmp_path: Path) -> None:
    past = history(days=45, a_day=60)
    path = written(past, tmp_path)
    url, sha256 = trained(path, tmp_path)
    send_labels(pipeline, past)
    pipeline.detector(SIDE__LABEL_DELAY_H="72", MODEL__URL=url, MODEL__SHA256=sha256)
    pipeline.send(transactions(past))
    decided = past.select(transaction_id="ID").join(
        pipeline.decisions(past.height), on="transaction_id", how="left", maintain_order="left"
    )

    mapping = parse_mapping([MAPPING])
    source = read_history(path, mapping, label="IS_FRAUD", label_delay=DELAY, rejects=tmp_path / "rejects")
    rows = replayed(source, load_rules(), label_delay=DELAY, keep_from=START)
    model = fetch_bundle(url, sha256)
    scores = model.score(rows.values)

    features = decided["features"].struct.unnest().select(FEATURES).cast(pl.Float64).to_numpy()
    np.testing.assert_array_equal(rows.values.T, features)
    np.testing.assert_array_equal(scores, decided["score"].to_numpy())
    alerts = (scores >= model.threshold) | rows.rule_alerts
    np.testing.assert_array_equal(alerts, decided["fraudulent"].to_numpy())
    assert 0 < alerts.sum() < len(alerts) / 10


def backtest(pipeline: Pipeline, *arguments: str) -> dict[str, Any]:
    begin, end = (f"{START + timedelta(days=day):%Y-%m-%d}" for day in (45, 55))
    result = CliRunner().invoke(
        app,
        [
            "backtest", "--algorithm", "logistic_regression", "--label-delay", "3d", "--test-from", begin,
            "--test-until", end, "--threshold", "0.05", "--json", *arguments,
        ],
        env=pipeline.environment,
        catch_exceptions=False,
    )  # fmt: skip
    found: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    return found


def test_a_topic_is_judged_as_a_file_of_the_same(pipeline: Pipeline, tmp_path: Path) -> None:
    past = history(a_day=100).unique("AT", keep="first", maintain_order=True)
    shortened = past.filter(pl.col("AT").is_between(START + timedelta(days=5), KNOWN - DELAY, closed="left"))
    send_labels(pipeline, shortened)
    pipeline.send(transactions(past))
    path, rejects = written(shortened, tmp_path), str(tmp_path / "rejects")
    span = ("--from", f"{START + timedelta(days=5)}", "--to", f"{KNOWN - DELAY}")

    topic = backtest(pipeline, "--topic", pipeline.topics.transactions.name, *span)
    file = backtest(
        pipeline, "--input", str(path), "--map", MAPPING, "--label", "IS_FRAUD", "--rejects", rejects
    )

    assert topic["transactions"] == shortened.height
    assert topic["judged"]["unlabelled"] == 0
    assert topic["metrics"]["average_precision"] > 0.5
    for found in (topic, file):
        del found["metrics"]["scoring_us"]
        del found["by_seed"][0]["scoring_us"]
    assert topic == file


def test_a_topic_that_is_not_there_or_has_nothing_then_is_said(pipeline: Pipeline) -> None:
    past = history(days=2)
    pipeline.send(transactions(past))

    with pytest.raises(ConfigError, match="There is no topic payments"):
        backtest(pipeline, "--topic", "payments")
    with pytest.raises(InputError, match=f"There are no transactions on {pipeline.topics.transactions.name}"):
        backtest(pipeline, "--topic", pipeline.topics.transactions.name, "--from", "2026-01-09")
