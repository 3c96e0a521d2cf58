"""A namespace of the Kubernetes that FRAUD_TESTS_KUBECONFIG names, never of the user's current context."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.chart import CHART, manifests, one
from tests.support.cluster import kubectl, named
from tests.support.pipeline import until

CRD = CHART / "crds" / "fraudmodels.fraudstream.dev.yaml"
PATIENCE_S = 120
MOMENT = "2026-01-01T00:00:00Z"
Document = dict[str, Any]


class RefusedError(Exception):
    """What kubectl said."""


@dataclass(frozen=True)
class RealCluster:
    """A namespace of a test's own."""

    kubeconfig: Path
    namespace: str

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints.

        Raises:
            RefusedError: it failed.
        """
        done = subprocess.run(
            [kubectl(), "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=given,
        )
        if done.returncode:
            raise RefusedError(done.stderr)
        return done.stdout

    def apply(self, document: Document) -> object:
        """Make it, or change it."""
        return self.kubectl("apply", "--filename", "-", given=json.dumps(document))

    def get(self, resource: str, name: str) -> Document:
        """The object."""
        found: Document = json.loads(self.kubectl("get", resource, name, "--output", "json"))
        return found

    def all(self, resource: str) -> list[Document]:
        """All of a kind, but for what is being deleted."""
        items = json.loads(self.kubectl("get", resource, "--output", "json"))["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def delete(self, resource: str, name: str) -> None:
        """Delete it, and wait until it is gone."""
        self.kubectl("delete", resource, name, f"--timeout={PATIENCE_S}s")

    def end_job(self, name: str, message: str, *, succeeded: bool = True) -> None:
        """Say of its pod, which no node takes, what a kubelet would; the Job controller does the rest."""
        self.kubectl("wait", "--for=create", "pod", f"--selector=job-name={name}", f"--timeout={PATIENCE_S}s")
        [pod, *_] = json.loads(
            self.kubectl("get", "pods", f"--selector=job-name={name}", "--output", "json")
        )["items"]
        end = {
            "exitCode": 0 if succeeded else 2,
            "reason": "Completed" if succeeded else "Error",
            "message": message,
        }
        container = {
            "name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0,
            "state": {"terminated": {**end, "startedAt": MOMENT, "finishedAt": MOMENT}},
        }  # fmt: skip
        status = {"phase": "Succeeded" if succeeded else "Failed", "containerStatuses": [container]}
        patch = json.dumps({"status": status})
        self.kubectl(
            "patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "--patch", patch
        )

    def as_operator(self, directory: Path) -> Path:
        """A kubeconfig of the chart's service account, with the chart's Role and no more."""
        documents = manifests("--namespace", self.namespace)
        for kind in ("ServiceAccount", "Role", "RoleBinding"):
            self.apply(one(documents, kind, "-operator"))
        account = one(documents, "ServiceAccount", "-operator")["metadata"]["name"]
        token = self.kubectl("create", "token", account, "--duration=1h").strip()
        config = yaml.safe_load(self.kubectl("config", "view", "--raw", "--minify", "--flatten"))
        config["users"] = [{"name": "operator", "user": {"token": token}}]
        config["contexts"][0]["context"] |= {"user": "operator", "namespace": self.namespace}
        file = directory / "operator.kubeconfig"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return file


@contextmanager
def real_cluster() -> Iterator[RealCluster]:
    """A namespace with the chart's definition of FraudModel; skipped where no cluster is named."""
    cluster = RealCluster(named(), f"fraud-test-{uuid.uuid4().hex[:8]}")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(CRD))
    cluster.kubectl("create", "namespace", cluster.namespace)
    until(lambda: _served(cluster), "FraudModels are served", PATIENCE_S)
    try:
        yield cluster
    finally:
        cluster.kubectl("delete", "namespace", cluster.namespace, f"--timeout={PATIENCE_S}s")


def _served(cluster: RealCluster) -> bool:
    try:
        cluster.kubectl("get", "fraudmodels")
    except RefusedError:
        return False
    return True
