"""The operator as a process between a cluster, Kafka and detectors, and a test in the kubelet's place."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml

from fraud_core.models import Bundle, publish_bundle
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.rollouts.writing import latest_rollout
from tests.support import forked
from tests.support.forked import Forked
from tests.support.pipeline import Pipeline, until

PATIENCE_S = 180.0
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "nodeSelector": {"fraudstream.dev/test": "no-node-has-this"},
                "containers": [{"name": "trainer", "image": "fraudstream-trainer:1"}],
            }
        }
    },
}
"""Its pods are for no node: the test says how they end."""


class Cluster(Protocol):
    """One namespace of a Kubernetes, small or real."""

    def apply(self, document: dict[str, Any]) -> object:
        """Make it, or change its spec."""

    def get(self, resource: str, name: str) -> dict[str, Any]:
        """The object."""

    def all(self, resource: str) -> list[dict[str, Any]]:
        """All of a kind."""

    def delete(self, resource: str, name: str) -> None:
        """Delete it."""

    def end_job(self, name: str, message: str, *, succeeded: bool = True) -> None:
        """Let the Job's pod end with these last words."""


@contextmanager
def operating(
    pipeline: Pipeline, kubeconfig: Path, namespace: str, name: str = "operator"
) -> Iterator[Forked]:
    """The operator, as its image runs it; ended if it still runs."""
    template = pipeline.logs / "job.yaml"
    template.write_text(yaml.safe_dump(JOB), encoding="utf-8")
    variables = {
        "KUBECONFIG": str(kubeconfig),
        "FRAUD_NAMESPACE": namespace,
        "FRAUD_JOB_TEMPLATE": str(template),
        "FRAUD_RECONCILE__INTERVAL_S": "0.5",
        "FRAUD_HTTP__ENABLED": "false",
        "FRAUD_LOG__FORMAT": "json",
    }
    process = forked.started(
        "fraud_operator",
        environment=pipeline.process_environment(**variables),
        output=pipeline.logs / f"{name}.log",
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) in {0, 2, 3, 143, -signal.SIGKILL}, said(pipeline, name)


def said(pipeline: Pipeline, name: str = "operator") -> str:
    """The end of its log."""
    file = pipeline.logs / f"{name}.log"
    return file.read_text()[-4_000:] if file.exists() else ""


def fraud_model(pipeline: Pipeline, **spec: Any) -> dict[str, Any]:
    """One that is rolled out within seconds."""
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
    """The pipeline's latest."""
    found = latest_rollout(pipeline.settings, Registry(pipeline.settings.schema_registry), pipeline.name)
    assert found is not None
    return found


def reason(cluster: Cluster, kind: str) -> str:
    """The reason of a condition; empty where it is not told yet."""
    conditions = cluster.get("fraudmodels", "cards").get("status", {}).get("conditions", ())
    return next((one["reason"] for one in conditions if one["type"] == kind), "")


def train(cluster: Cluster, pipeline: Pipeline, bundle: Bundle) -> BundleRef:
    """What the next Job would do: publish, and say so."""
    until(lambda: active(cluster) is not None, "a Job is made", PATIENCE_S)
    job = active(cluster)
    assert job is not None
    assert job["spec"]["template"]["spec"]["containers"][0]["args"][:2] == ["trainer", "train"]
    store = f"kafka://{pipeline.topics.models.name}"
    published = publish_bundle(store, bundle, pipeline.settings.kafka)
    words = {
        "version": published.version, "url": published.url, "sha256": published.sha256,
        "data_until": bundle.manifest.data_until.isoformat(), "metrics": bundle.manifest.metrics,
        "parent_version": None,
    }  # fmt: skip
    cluster.end_job(job["metadata"]["name"], json.dumps(words))
    return BundleRef(published.version, published.url, published.sha256)


def active(cluster: Cluster) -> dict[str, Any] | None:
    """The Job that has not ended."""
    return next((job for job in cluster.all("jobs") if not job.get("status", {}).get("conditions")), None)
