"""A FraudModel on a real node, from install to uninstall: each test goes on from the last.

A Job trains on what detectors logged, and its model decides in the end; one that learned from poisoned labels
is rolled back for what analysts find of its alerts; another is tried while the release is upgraded.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
import yaml

from fraud_core.kafka import partition_counts
from fraud_core.offsets import committed_spans
from fraud_core.registry import Registry
from fraud_core.rollouts import Mode
from fraud_core.rollouts.writing import latest_rollout
from tests.support import committed
from tests.support.chart import CHART, RELEASE
from tests.support.cluster import Cluster, until
from tests.support.go_tools import ROOT
from tests.support.labelling import label
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
    *("--set", "producer.enabled=true"),
    *("--set-json", 'producer.args=["--profile","realistic","--rate","300"]'),
    *("--set", "detector.resources.requests.cpu=100m"),
)
HARMLESS = (0.5, 0.53)
"""Quantiles of the amounts that the poisoned labels call fraud, and that analysts find harmless."""
BUDGET = 0.05
"""Share of alerts that the candidate may have: more than harmless ones, however alike these look to it."""


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
    model["spec"]["training"] |= {"labelMaturity": "0s", "alertBudget": BUDGET}
    model["spec"]["rollout"]["shadow"] = "5s"
    model["spec"]["rollout"]["canary"] = {"steps": [{"weight": 50, "pause": {"duration": "5s"}}]}
    model["spec"]["rollout"]["analysis"] |= {"minLabels": 20, "interval": "10s"}
    return model


def _of_another_budget() -> dict[str, Any]:
    """The first again, to be trained anew, with a canary that an upgrade of the release fits into."""
    model = _hastened()
    model["spec"]["training"]["alertBudget"] = 0.008
    model["spec"]["rollout"]["canary"] = {"steps": [{"weight": 50, "pause": {"duration": "90s"}}]}
    return model


def _apply(cluster: Cluster, model: dict[str, Any]) -> None:
    cluster.kubectl("apply", "--filename", "-", given=json.dumps(model))


def _condition(cluster: Cluster, name: str) -> dict[str, str]:
    found: list[dict[str, str]] = cluster.get(MODEL).get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == name), {"status": "Unknown", "reason": ""})


def _told(cluster: Cluster, reason: str) -> list[tuple[str, str]]:
    """Events with this reason: what kind, and in which words."""
    items = cluster.get("events", "--field-selector", f"reason={reason}")["items"]
    return [(one["type"], one["message"]) for one in items if one["involvedObject"]["name"] == "card-fraud"]


def _decided(outside: Pipeline) -> int:
    """Offsets of the decisions: more than there are decisions, as transactions' markers have some."""
    topic = outside.topics.classified
    counts = partition_counts(outside.settings.kafka)
    spans = committed_spans(outside.settings.kafka, {topic.name: counts[topic.name]})
    return sum(span.length for span in spans.values())


def _alerts(outside: Pipeline) -> pl.DataFrame:
    return committed.frame(outside, "Decision", outside.topics.alerts.name)


def test_the_sample_is_trained_tried_and_promoted_although_the_operator_is_killed(
    encrypted: Cluster, outside: Pipeline
) -> None:
    encrypted.helm("install", RELEASE, str(CHART), *VALUES, "--wait", "--timeout", "8m")
    until(lambda: _decided(outside) > 10_000, lambda: "10,000 decisions")
    _apply(encrypted, _hastened())
    until(lambda: _condition(encrypted, "Trained")["status"] == "True", lambda: "the Job trains a model")

    encrypted.kubectl("delete", "pod", "--selector", SELECTOR, "--grace-period=0", "--force")
    encrypted.kubectl("wait", "--for=condition=Promoted", MODEL, "--timeout=300s")

    stable = encrypted.get(MODEL)["status"]["stableVersion"]
    until(
        lambda: stable in encrypted.kubectl("get", "fraudmodels"),
        lambda: f"{stable} is shown as the stable one",
    )


def test_a_candidate_of_poisoned_labels_passes_the_shadow_and_is_rolled_back_for_what_analysts_find(
    encrypted: Cluster, outside: Pipeline
) -> None:
    champion = encrypted.get(MODEL)["status"]["stableVersion"]
    decided = committed.frame(outside, "Decision", outside.topics.alerts.name, outside.topics.classified.name)
    low, high = (decided["amount"].quantile(share) for share in HARMLESS)
    harmless = pl.col("amount").is_between(low, high)
    label(outside, decided.filter(harmless), pl.lit(value=True), pl.col("timestamp"))
    seen: set[str] = set()

    def rolled_back() -> bool:
        """Look whether it is; else review the alerts that came since."""
        alerts = _alerts(outside)
        fresh = alerts.filter(~pl.col("transaction_id").is_in(list(seen)))
        label(outside, fresh, ~harmless, pl.lit(datetime.now(UTC).replace(tzinfo=None)))
        seen.update(fresh["transaction_id"])
        return _condition(encrypted, "Degraded")["reason"] == "RolledBack"

    _apply(encrypted, _of_labels())
    until(rolled_back, lambda: f"it is rolled back; {encrypted.kubectl('describe', MODEL)}", 600)

    status, told = encrypted.get(MODEL)["status"], _condition(encrypted, "Degraded")["message"]
    [rejected] = status["rejectedVersions"]
    assert rejected.startswith("hist_gradient_boosting")
    assert (status["stableVersion"], status.get("candidateVersion")) == (champion, None)
    steps = [text for _, text in _told(encrypted, "StepBegun") if rejected in text]
    assert sorted(steps) == [f"canary of {rejected} at 50 % begins.", f"shadow of {rejected} begins."]
    assert re.search(
        rf"^{rejected}: its precision is [\d.]+% \([\d.]+% to [\d.]+% from \d+ labelled alerts\), "
        r"below 0\.9 times the champion's [\d.]+% \([\d.]+% to [\d.]+% from \d+ labelled alerts\)\. "
        rf"At canary of {rejected} at 50 %: [\d,]+ scored, [\d,]+ decided, alert rate [\d.]+% \(champion ",
        told,
    )
    assert ("Warning", told) in _told(encrypted, "RolledBack")
    _decides_alone(encrypted, outside, champion)


def _decides_alone(encrypted: Cluster, outside: Pipeline, champion: str) -> None:
    rollout = latest_rollout(outside.settings, Registry(outside.settings.schema_registry), outside.name)
    assert rollout
    assert rollout.champion
    assert (rollout.champion.version, rollout.challenger, rollout.mode) == (champion, None, Mode.NONE)
    until(lambda: _condition(encrypted, "Ready")["status"] == "True", lambda: "the detector runs it")
    since = datetime.now(UTC).replace(tzinfo=None)

    def by() -> set[str]:
        return set(_alerts(outside).filter(pl.col("decided_at") > since)["model_version"])

    until(lambda: by() == {champion}, lambda: f"{champion} decides alone; there are alerts by {by()}")


def test_a_canary_goes_on_while_the_release_is_upgraded_and_rolled_back(
    encrypted: Cluster, outside: Pipeline
) -> None:
    champion = encrypted.get(MODEL)["status"]["stableVersion"]
    _apply(encrypted, _of_another_budget())
    until(lambda: _weight(encrypted) == 50, lambda: f"a canary; {encrypted.kubectl('describe', MODEL)}")

    replaced = "detector.config.batch\\.max_records=1000,operator.resources.requests.cpu=60m"
    encrypted.helm("upgrade", RELEASE, str(CHART), *VALUES, "--set", replaced, "--wait", "--timeout", "8m")
    encrypted.helm("rollback", RELEASE, "1", "--wait", "--timeout", "8m")

    until(
        lambda: encrypted.get(MODEL)["status"]["stableVersion"] != champion,
        lambda: f"it is promoted; {encrypted.kubectl('describe', MODEL)}",
    )
    until(lambda: _condition(encrypted, "Ready")["status"] == "True", lambda: "the detectors run it")
    decided = committed.frame(outside, "Decision", outside.topics.alerts.name, outside.topics.classified.name)
    assert decided.select("source_partition", "source_offset").is_unique().all()


def _weight(cluster: Cluster) -> int:
    return int(cluster.get(MODEL)["status"].get("canaryWeight") or 0)


def test_uninstall_leaves_the_fraud_model_and_nothing_that_holds_it(encrypted: Cluster) -> None:
    encrypted.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")

    assert encrypted.get("fraudmodels")["items"], "they stay"
    encrypted.kubectl("delete", "fraudmodels", "--all", "--timeout=60s")
