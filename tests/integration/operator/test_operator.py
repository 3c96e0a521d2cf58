"""The operator's own process between an API server, Kafka and a detector that decides."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fraud_core.errors import ConfigError
from fraud_core.models import Bundle, publish_bundle
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_core.rollouts.writing import latest_rollout
from fraud_local.models.changes import change
from fraud_local.models.place import Place
from fraud_local.stack import Stack
from tests.support.bundles import small_bundle
from tests.support.pipeline import Pipeline, transactions, until
from tests.support.pipeline import pipeline as made
from tests.support.rolling_out import applied, publish
from tests.support.small_cluster import NAMESPACE, SmallCluster, served

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PATIENCE_S = 180.0
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"containers": [{"name": "trainer", "image": "fraudstream-trainer:1"}]}}},
}


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster()


@pytest.fixture
def kubeconfig(cluster: SmallCluster, tmp_path: Path) -> Iterator[Path]:
    with served(cluster, tmp_path) as file:
        yield file


@contextmanager
def operating(
    pipeline: Pipeline, kubeconfig: Path, name: str = "operator"
) -> Iterator[subprocess.Popen[bytes]]:
    """The operator, as its image runs it; ended if it still runs."""
    template = pipeline.logs / "job.yaml"
    template.write_text(yaml.safe_dump(JOB), encoding="utf-8")
    variables = {
        "KUBECONFIG": str(kubeconfig),
        "FRAUD_NAMESPACE": NAMESPACE,
        "FRAUD_JOB_TEMPLATE": str(template),
        "FRAUD_RECONCILE__INTERVAL_S": "0.5",
        "FRAUD_HTTP__ENABLED": "false",
        "FRAUD_LOG__FORMAT": "json",
    }
    with (pipeline.logs / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fraud_operator"],
            env={**os.environ, **pipeline.process_environment(), **variables},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) in {0, 3, 143, -signal.SIGKILL}, _log(pipeline, name)


def _log(pipeline: Pipeline, name: str = "operator") -> str:
    file = pipeline.logs / f"{name}.log"
    return file.read_text()[-4_000:] if file.exists() else ""


def fraud_model(pipeline: Pipeline, **spec: Any) -> dict[str, Any]:
    rollout = {
        "shadow": "1s",
        "canary": {"steps": [{"weight": 50, "pause": {"duration": "1s"}}]},
        "analysis": {"minDecisions": 10, "maxAlertRate": 1},
    }
    return {
        "apiVersion": "fraudstream.dev/v1alpha1",
        "kind": "FraudModel",
        "metadata": {"name": "cards"},
        "spec": {"pipeline": pipeline.name, "algorithm": "isolation_forest", "rollout": rollout, **spec},
    }


def rollout(pipeline: Pipeline) -> Rollout:
    found = latest_rollout(pipeline.settings, Registry(pipeline.settings.schema_registry), pipeline.name)
    assert found is not None
    return found


def reason(cluster: SmallCluster, kind: str) -> str:
    conditions = cluster.get("fraudmodels", "cards").get("status", {}).get("conditions", ())
    return next((one["reason"] for one in conditions if one["type"] == kind), "")


def train(cluster: SmallCluster, pipeline: Pipeline, bundle: Bundle) -> BundleRef:
    """What the next Job would do: publish, and say so."""
    until(lambda: _active(cluster) is not None, "a Job is made", PATIENCE_S)
    job = _active(cluster)
    assert job is not None
    assert job["spec"]["template"]["spec"]["containers"][0]["args"][:2] == ["trainer", "train"]
    store = f"kafka://{pipeline.topics.models.name}"
    published = publish_bundle(store, bundle, pipeline.settings.kafka)
    said = {
        "version": published.version, "url": published.url, "sha256": published.sha256,
        "data_until": bundle.manifest.data_until.isoformat(), "metrics": bundle.manifest.metrics,
        "parent_version": None,
    }  # fmt: skip
    cluster.end_job(job["metadata"]["name"], json.dumps(said))
    return BundleRef(published.version, published.url, published.sha256)


def _active(cluster: SmallCluster) -> dict[str, Any] | None:
    return next((job for job in cluster.all("jobs") if not job.get("status")), None)


def test_a_fraud_model_is_trained_rolled_out_in_steps_and_promoted_through_a_kill_of_the_operator(
    pipeline: Pipeline, cluster: SmallCluster, kubeconfig: Path
) -> None:
    pipeline.set_up()
    pipeline.detector()
    applied(pipeline, rollout(pipeline))
    cluster.apply(fraud_model(pipeline))
    with operating(pipeline, kubeconfig, "first") as first:
        candidate = train(cluster, pipeline, small_bundle())
        until(lambda: rollout(pipeline).mode is Mode.SHADOW, "the candidate is shadowed", PATIENCE_S)
        first.kill()
        first.wait()

    with operating(pipeline, kubeconfig):
        traffic = iter(range(0, 1_000_000, 50))

        def promoted() -> bool:
            first_of = next(traffic)
            pipeline.send(transactions(first_of, first_of + 50))
            return reason(cluster, "Promoted") == "Promoted"

        until(promoted, f"it is promoted; {_log(pipeline)}", PATIENCE_S)
        found = rollout(pipeline)
        assert found.champion == candidate
        assert found.challenger is None
        uid = cluster.get("fraudmodels", "cards")["metadata"]["uid"]
        assert found.managed_by == f"{NAMESPACE}/cards/{uid}"
        assert len(cluster.all("jobs")) == 1
        document = cluster.get("fraudmodels", "cards")
        assert "finalizers" not in document["metadata"]
        assert not document["metadata"].get("annotations")
        assert {event["reason"] for event in cluster.all("events")} >= {"Training", "StepBegun", "Promoted"}
        assert cluster.refused == []

        place = Place(pipeline.settings, pipeline.name)
        with pytest.raises(ConfigError, match="The FraudModel cards in namespace fraud manages"):
            change(place, lambda known: replace(known, generation=known.generation + 1), lambda _: {}, 0)

        cluster.delete("fraudmodels", "cards")
        until(lambda: rollout(pipeline).managed_by == "cli", "the rollout is given back", PATIENCE_S)
        assert rollout(pipeline).champion == candidate
        assert cluster.all("jobs") == []


def test_a_failed_training_and_a_pin_need_no_detector(
    pipeline: Pipeline, cluster: SmallCluster, kubeconfig: Path
) -> None:
    pipeline.set_up()
    theirs = publish(pipeline, small_bundle(0.02))
    cluster.apply(fraud_model(pipeline))
    with operating(pipeline, kubeconfig):
        until(lambda: _active(cluster) is not None, f"a Job is made; {_log(pipeline)}", PATIENCE_S)
        [job] = cluster.all("jobs")
        said = {"reason": "WindowNotRetained", "message": "The topics hold 3 days."}
        cluster.end_job(job["metadata"]["name"], json.dumps(said), succeeded=False)
        until(lambda: reason(cluster, "Trained") == "WindowNotRetained", "the failure is told", PATIENCE_S)
        assert cluster.get("fraudmodels", "cards")["status"]["lastFailure"] == "The topics hold 3 days."

        cluster.apply(fraud_model(pipeline, pinnedVersion=theirs.version))
        until(lambda: rollout(pipeline).champion == theirs, f"it is pinned; {_log(pipeline)}", PATIENCE_S)


def test_a_second_operator_takes_over_and_the_first_one_ends_when_it_writes(
    pipeline: Pipeline, cluster: SmallCluster, kubeconfig: Path
) -> None:
    pipeline.set_up()
    cluster.apply(fraud_model(pipeline))
    with operating(pipeline, kubeconfig, "first") as first:
        until(lambda: _active(cluster) is not None, f"a Job is made; {_log(pipeline, 'first')}", PATIENCE_S)
        with operating(pipeline, kubeconfig) as second:
            until(lambda: "operating" in _log(pipeline), "the second one has begun", PATIENCE_S)
            theirs = publish(pipeline, small_bundle(0.02))
            before = rollout(pipeline).generation
            cluster.apply(fraud_model(pipeline, pinnedVersion=theirs.version))
            until(lambda: rollout(pipeline).champion == theirs, "it is pinned", PATIENCE_S)

            assert rollout(pipeline).generation == before + 1
            assert second.poll() is None
        if first.poll() is not None:
            assert first.returncode == 3
            assert "Another operator writes the rollouts" in _log(pipeline, "first")
