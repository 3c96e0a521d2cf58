"""A FraudModel on a real node, from install to uninstall: each test goes on from the last.

A Job trains on what detectors logged, and its model decides in the end; one that learned from poisoned labels
is rolled back for what analysts find of its alerts.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
import yaml
from confluent_kafka import Producer

from fraud_core.avro import Encoder
from fraud_core.kafka import client_config, partition_counts
from fraud_core.offsets import committed_spans
from fraud_core.registry import Registry
from fraud_core.rollouts import Mode
from fraud_core.rollouts.writing import latest_rollout
from tests.support import committed
from tests.support.chart import CHART, RELEASE
from tests.support.cluster import Cluster, until
from tests.support.go_tools import ROOT
from tests.support.pipeline import Pipeline

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("cluster"),
]

MODEL = "fraudmodel/card-fraud"
SAMPLE = ROOT / "k8s" / "samples" / "fraudmodel.yaml"
SELECTOR = "app.kubernetes.io/component=operator"
VALUES = (
    *("--values", str(ROOT / "k8s" / "fraudstream-dev.yaml")),
    *("--set-json", 'producer.args=["--profile","realistic","--rate","300"]'),
    *("--set", "detector.replicas=1"),
)
HARMLESS = (0.5, 0.54)
"""Quantiles of the amounts that the poisoned labels call fraud, and that analysts find harmless."""


def _hastened() -> dict[str, Any]:
    """The sample with steps of seconds where it has minutes."""
    model: dict[str, Any] = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    rollout = model["spec"]["rollout"]
    model["spec"]["training"]["labelDelay"] = "0s"
    rollout["shadow"] = "15s"
    for step in rollout["canary"]["steps"]:
        step["pause"]["duration"] = "15s"
    rollout["analysis"]["minDecisions"] = 100
    return model


def _of_labels() -> dict[str, Any]:
    """The same with a model that believes labels, and a canary in which its alerts are looked at."""
    model = _hastened()
    model["spec"]["algorithm"] = "hist_gradient_boosting"
    model["spec"]["training"] |= {"labelMaturity": "0s", "alertBudget": 0.02}
    model["spec"]["rollout"]["shadow"] = "5s"
    model["spec"]["rollout"]["canary"] = {"steps": [{"weight": 50, "pause": {"duration": "3m"}}]}
    model["spec"]["rollout"]["analysis"] |= {"minLabels": 20, "interval": "10s"}
    return model


def _apply(cluster: Cluster, model: dict[str, Any]) -> None:
    cluster.kubectl("apply", "--filename", "-", given=json.dumps(model))


def _condition(cluster: Cluster, name: str) -> dict[str, str]:
    found: list[dict[str, str]] = cluster.get(MODEL).get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == name), {"status": "Unknown", "reason": ""})


def _decided(outside: Pipeline) -> int:
    """Offsets of the decisions: more than there are decisions, as transactions' markers have some."""
    topic = outside.topics.classified
    counts = partition_counts(outside.settings.kafka)
    spans = committed_spans(outside.settings.kafka, {topic.name: counts[topic.name]})
    return sum(span.length for span in spans.values())


def _decisions(outside: Pipeline) -> pl.DataFrame:
    return committed.frame(outside, "Decision", outside.topics.alerts.name, outside.topics.classified.name)


def _label(outside: Pipeline, decided: pl.DataFrame, fraud: pl.Expr, at: pl.Expr) -> None:
    topic = outside.topics.labels
    frame = decided.select(
        "transaction_id",
        "user",
        transaction_timestamp="timestamp",
        label=pl.when(fraud).then(pl.lit("fraud")).otherwise(pl.lit("legitimate")),
        source=pl.lit("analyst"),
        labelled_at=at.cast(pl.Datetime("ms")),
    )
    values = Encoder("Label", outside.registry.id_of(topic)).encode(frame)
    producer = Producer(client_config(outside.settings.kafka))
    for key, value in zip(frame["transaction_id"].to_list(), values, strict=True):
        producer.produce(topic.name, value, key)
    assert producer.flush(60) == 0


def test_the_sample_is_trained_tried_and_promoted_although_the_operator_is_killed(
    redpanda: Cluster, outside: Pipeline
) -> None:
    redpanda.helm("install", RELEASE, str(CHART), *VALUES, "--wait", "--timeout", "8m")
    until(lambda: _decided(outside) > 10_000, lambda: "10,000 decisions")
    _apply(redpanda, _hastened())
    until(lambda: _condition(redpanda, "Trained")["status"] == "True", lambda: "the Job trains a model")

    redpanda.kubectl("delete", "pod", "--selector", SELECTOR, "--grace-period=0", "--force")
    redpanda.kubectl("wait", "--for=condition=Promoted", MODEL, "--timeout=300s")

    stable = redpanda.get(MODEL)["status"]["stableVersion"]
    until(
        lambda: stable in redpanda.kubectl("get", "fraudmodels"),
        lambda: f"{stable} is shown as the stable one",
    )


def test_a_candidate_of_poisoned_labels_is_rolled_back_with_the_figures_and_the_champion_decides(
    redpanda: Cluster, outside: Pipeline
) -> None:
    champion = redpanda.get(MODEL)["status"]["stableVersion"]
    decided = _decisions(outside)
    low, high = (decided["amount"].quantile(share) for share in HARMLESS)
    harmless = pl.col("amount").is_between(low, high)
    _label(outside, decided.filter(harmless), pl.lit(value=True), pl.col("timestamp"))
    seen: set[str] = set()

    def rolled_back() -> bool:
        """Look whether it is; else review the alerts that came since."""
        alerts = committed.frame(outside, "Decision", outside.topics.alerts.name)
        fresh = alerts.filter(~pl.col("transaction_id").is_in(list(seen)))
        _label(outside, fresh, ~harmless, pl.lit(datetime.now(UTC).replace(tzinfo=None)))
        seen.update(fresh["transaction_id"])
        return _condition(redpanda, "Degraded")["reason"] == "RolledBack"

    _apply(redpanda, _of_labels())
    until(rolled_back, lambda: f"it is rolled back; {redpanda.kubectl('describe', MODEL)}", 600)

    told = _condition(redpanda, "Degraded")["message"]
    assert re.search(r"its precision is [\d.]+% of \d+ labelled alerts, below 0\.90 of the champion's", told)
    assert re.search(r"At canary of \S+ at 50 %: [\d,]+ scored, [\d,]+ decided, alert rate [\d.]+%", told)
    status = redpanda.get(MODEL)["status"]
    [rejected] = status["rejectedVersions"]
    assert rejected.startswith("hist_gradient_boosting")
    assert status["stableVersion"] == champion
    assert "candidateVersion" not in status
    [event] = redpanda.get("events", "--field-selector", "reason=RolledBack")["items"]
    assert event["type"] == "Warning"
    assert event["involvedObject"]["name"] == "card-fraud"
    assert rejected in event["message"]
    _decides_alone(outside, champion)


def _decides_alone(outside: Pipeline, champion: str) -> None:
    registry = Registry(outside.settings.schema_registry)
    rollout = latest_rollout(outside.settings, registry, outside.name)
    assert rollout
    assert rollout.champion
    assert (rollout.champion.version, rollout.challenger, rollout.mode) == (champion, None, Mode.NONE)
    after = _decided(outside)

    def decides() -> bool:
        last = _decisions(outside).sort("decided_at").tail(1_000)
        return set(last["model_version"]) == {champion}

    until(lambda: _decided(outside) > after + 1_000 and decides(), lambda: f"{champion} decides alone")


def test_uninstall_leaves_the_fraud_model_and_nothing_that_holds_it(redpanda: Cluster) -> None:
    redpanda.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")

    assert redpanda.get("fraudmodels")["items"], "they stay"
    redpanda.kubectl("delete", "fraudmodels", "--all", "--timeout=60s")
