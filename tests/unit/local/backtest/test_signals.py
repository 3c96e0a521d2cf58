"""What a backtest decides by rules that models read is what the detector's engine decides."""

from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import Message
from typer.testing import CliRunner

from fraud_core.avro.types import to_arrow
from fraud_core.errors import BundleError, ConfigError
from fraud_core.features import FEATURES, SideTables, State
from fraud_core.models import LoadedModel, fetch_bundle, publish_bundle
from fraud_core.rules import RuleSet, load_rules
from fraud_detector.deciding import Decider
from fraud_detector.reading import Read
from fraud_detector.records import group
from fraud_local.backtest.engine import replayed
from fraud_local.cli import app
from fraud_producer.replay import History, parse_mapping, read_history
from fraud_trainer.logged_signals import alert_rules, flags, joined_flags, latest_signals
from fraud_trainer.rows import Rows
from fraud_trainer.training import Plan, train
from tests.support.histories import DELAY, MAPPING, START, history, written
from tests.support.signalling import shop_rules

MS = timedelta(milliseconds=1)
DELAY_H = DELAY // timedelta(hours=1)
FLAGS = ("--map", MAPPING, "--label", "IS_FRAUD", "--label-delay", "3d", "--threshold", "0.05")
BOOSTING = ("--algorithm", "hist_gradient_boosting", "--set", "max_iter=20")


class Both(NamedTuple):
    """One stream through both: what the backtest has of it, and what the detector says."""

    rows: Rows
    model: LoadedModel
    decisions: pa.Table


def past(path: Path) -> History:
    return read_history(
        path, parse_mapping([MAPPING]), label="IS_FRAUD", label_delay=DELAY, rejects=path.parent / "rejects"
    )


def decisions(source: History, rules: RuleSet, model: LoadedModel) -> pa.Table:
    """The engine of the detector, told of the same labels at the same time."""
    decider, states, done = Decider(rules, model, "pipe", side=SideTables(DELAY_H)), {0: State()}, 0
    batches = []
    for piece in source:
        decider.side.labels.learn(piece.labels)
        if not piece.transactions.height:
            continue
        batch = to_arrow(piece.transactions, "Transaction")
        places = range(done, done + batch.num_rows)
        records = group(Message(topic="", partition=0, offset=place) for place in places)
        batches.append(decider.decide(Read(records, batch, ()), states).batch)
        done += batch.num_rows
    return pa.Table.from_batches(batches)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    source, rules = past(written(history(days=45, a_day=60), folder)), shop_rules(folder)
    rows = replayed(source, rules, label_delay=DELAY, keep_from=START)
    end = int(rows.times[-1]) - DELAY // MS
    plan = Plan("hist_gradient_boosting", {"max_iter": 20}, threshold=0.05, label_delay=DELAY // MS)
    bundle = train(rows, end - timedelta(days=30) // MS, end, plan).bundle
    published = publish_bundle(folder, bundle)
    model = fetch_bundle(published.url, published.sha256, signals=rules.signals)
    return Both(rows, model, decisions(source, rules, model))


def test_scores_and_alerts_are_the_same(both: Both) -> None:
    rows, model, found = both
    scores = model.score(rows.values)

    assert model.manifest.features[-2:] == ("rule:risky_shop", "rule:quick")
    np.testing.assert_array_equal(scores, found["score"].to_numpy())
    alerts = (scores >= model.threshold) | rows.rule_alerts
    np.testing.assert_array_equal(alerts, found["fraudulent"].to_numpy())
    assert 0 < alerts.sum() < len(alerts) / 5


def test_the_columns_of_a_training_are_those_that_were_served(both: Both) -> None:
    """Read back as a training does, from what decisions log."""
    rows, _, found = both
    batches = found.to_batches()
    logged = joined_flags([(batch.num_rows, flags(batch.column("signals"))) for batch in batches])
    named, fired = latest_signals(logged, len(rows) - 1)
    features = pl.DataFrame(found.select(["features"]))["features"].struct.unnest().select(FEATURES)

    assert set(named) == set(rows.signals)
    served = dict(zip(named, fired, strict=True))
    for signal, column in zip(rows.signals, rows.values[len(FEATURES) :], strict=True):
        np.testing.assert_array_equal(column, served[signal])
        assert 0 < column.sum() < len(rows) / 2
    np.testing.assert_array_equal(rows.features.T, features.cast(pl.Float64).to_numpy())


def test_a_rule_makes_an_alert_of_a_decision_as_it_does_of_a_row(both: Both) -> None:
    """A signal that fires where the model alerts is among the decision's rules, and has no part in it."""
    rows, _, found = both
    read = [alert_rules(pl.DataFrame(one), flags(one.column("signals"))) for one in found.to_batches()]

    signalled = ~rows.rule_alerts & (found["fraudulent"].to_numpy() & (rows.values[-2] == 1))
    assert signalled.any()
    assert all("risky_shop" in found["rules"][row].as_py() for row in np.flatnonzero(signalled).tolist())
    np.testing.assert_array_equal(np.concatenate(read), rows.rules)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(history(), tmp_path_factory.mktemp("history"))


def ended(path: Path, command: str, *arguments: str) -> dict[str, Any]:
    words = [command, "--input", str(path), *FLAGS, "--rejects", str(path.with_suffix(".rejects"))]
    result = CliRunner().invoke(app, [*words, *BOOSTING, *arguments, "--json"], catch_exceptions=False)
    found: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    return found


def test_a_backtest_tells_what_a_rule_is_worth_to_a_model(path: Path, tmp_path: Path) -> None:
    shop_rules(tmp_path)
    flags = ("--test-from", "2026-02-15", "--train-window", "30d", "--without-label-features")

    found = ended(path, "backtest", *flags, "--against", str(tmp_path / "rules.yaml"))

    plain, told = found["metrics"]["average_precision"], found["against"]["metrics"]["average_precision"]
    assert told > plain + 0.1


def test_a_rule_that_reads_labels_is_left_out_with_the_features_that_do(path: Path, tmp_path: Path) -> None:
    text = "- {name: known, expression: merchant_frauds_30d > 0, reason: Known, action: signal}\n"
    rules = tmp_path / "known.yaml"
    rules.write_text(text)
    flags = ("--test-from", "2026-02-15", "--train-window", "30d", "--without-label-features")

    found = ended(path, "backtest", *flags, "--against", str(rules))

    assert found["against"]["metrics"]["average_precision"] == found["metrics"]["average_precision"]


def test_a_history_is_trained_on_with_the_rules_of_a_file(path: Path, tmp_path: Path) -> None:
    rules = shop_rules(tmp_path)
    flags = ("--rules", str(tmp_path / "rules.yaml"), "--output", str(tmp_path))

    found = ended(path, "train", *flags)

    model = fetch_bundle(found["url"], found["sha256"], signals=rules.signals)
    assert set(model.manifest.signals) == {"risky_shop", "quick"}
    with pytest.raises(BundleError, match="no such rule"):
        fetch_bundle(found["url"], found["sha256"], signals=load_rules().signals)
    champion = ("--champion-url", found["url"], "--champion-sha256", found["sha256"])
    without = ended(path, "train", *flags, *champion, "--without-rule", "quick")
    assert "champion_average_precision" in without["metrics"]
    left = fetch_bundle(without["url"], without["sha256"], signals=rules.signals).manifest.signals
    assert left == {"risky_shop": rules.signals[0].digest}


def test_from_kafka_the_rules_are_those_of_the_decisions() -> None:
    with pytest.raises(ConfigError, match="--rules goes with --input"):
        CliRunner().invoke(app, ["train", "--rules", "mine.yaml"], catch_exceptions=False)
