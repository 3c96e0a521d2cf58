"""A FraudModel on a real node, from install to uninstall: each test goes on from the last.

A Job trains on what detectors logged, and its model decides in the end.
"""

import json

import pytest
import yaml

from fraud_core.kafka import partition_counts
from fraud_core.offsets import committed_spans
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


def _hastened() -> str:
    """The sample with steps of seconds where it has minutes."""
    model = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    rollout = model["spec"]["rollout"]
    model["spec"]["training"]["labelDelay"] = "0s"
    rollout["shadow"] = "15s"
    for step in rollout["canary"]["steps"]:
        step["pause"]["duration"] = "15s"
    rollout["analysis"]["minDecisions"] = 100
    return json.dumps(model)


def _condition(cluster: Cluster, name: str) -> str:
    found = cluster.get(MODEL).get("status", {}).get("conditions", [])
    return next((one["status"] for one in found if one["type"] == name), "Unknown")


def _decided(outside: Pipeline) -> int:
    """Offsets of the decisions: more than there are decisions, as transactions' markers have some."""
    topic = outside.topics.classified
    counts = partition_counts(outside.settings.kafka)
    spans = committed_spans(outside.settings.kafka, {topic.name: counts[topic.name]})
    return sum(span.length for span in spans.values())


def test_the_sample_is_trained_tried_and_promoted_although_the_operator_is_killed(
    redpanda: Cluster, outside: Pipeline
) -> None:
    redpanda.helm("install", RELEASE, str(CHART), *VALUES, "--wait", "--timeout", "8m")
    until(lambda: _decided(outside) > 10_000, lambda: "10,000 decisions")
    redpanda.kubectl("apply", "--filename", "-", given=_hastened())
    until(lambda: _condition(redpanda, "Trained") == "True", lambda: "the Job trains a model")

    redpanda.kubectl("delete", "pod", "--selector", SELECTOR, "--grace-period=0", "--force")
    redpanda.kubectl("wait", "--for=condition=Promoted", MODEL, "--timeout=300s")

    stable = redpanda.get(MODEL)["status"]["stableVersion"]
    until(
        lambda: stable in redpanda.kubectl("get", "fraudmodels"),
        lambda: f"{stable} is shown as the stable one",
    )


def test_uninstall_leaves_the_fraud_model_and_nothing_that_holds_it(redpanda: Cluster) -> None:
    redpanda.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")

    assert redpanda.get("fraudmodels")["items"], "they stay"
    redpanda.kubectl("delete", "fraudmodels", "--all", "--timeout=60s")
