"""As much of a Kubernetes API server as Helm reads before it makes anything: no more is needed to refuse.

Whether an install goes through is for a real cluster; here it is only told what there is.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GROUPS = {
    "v1": {"ConfigMap": "configmaps", "Namespace": "namespaces", "Pod": "pods", "Secret": "secrets",
           "Service": "services", "ServiceAccount": "serviceaccounts"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "keda.sh/v1alpha1": {"ScaledObject": "scaledobjects", "TriggerAuthentication": "triggerauthentications"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    "batch/v1": {"Job": "jobs"},
    "rbac.authorization.k8s.io/v1": {"Role": "roles", "RoleBinding": "rolebindings"},
}  # fmt: skip
Document = dict[str, Any]


@contextmanager
def serving(objects: Mapping[str, Document], directory: Path) -> Iterator[Path]:
    """A kubeconfig for a server that has these objects, by their path below /api/v1, or from /apis on."""
    answers = {**_discovery(), **{_place(path): found for path, found in objects.items()}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            self._answer(answers.get(path) or _nothing(path))

        def _answer(self, document: Document) -> None:
            body = json.dumps(document).encode()
            self.send_response(document.get("code", 200))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield _kubeconfig(directory, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def _place(path: str) -> str:
    return path if path.startswith("/apis/") else f"/api/v1/{path}"


def _discovery() -> dict[str, Document]:
    groups = [
        {
            "name": version.split("/")[0],
            "versions": [{"groupVersion": version, "version": version.split("/")[1]}],
            "preferredVersion": {"groupVersion": version, "version": version.split("/")[1]},
        }
        for version in GROUPS
        if "/" in version
    ]
    found: dict[str, Document] = {
        "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.4"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for version, kinds in GROUPS.items():
        place = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = [
            {
                "name": plural,
                "singularName": "",
                "namespaced": kind != "Namespace",
                "kind": kind,
                "verbs": ["get", "list"],
            }
            for kind, plural in kinds.items()
        ]
        found[place] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    return found


def _nothing(path: str) -> Document:
    """An empty list of releases' secrets, and of everything else none."""
    if path.endswith("/secrets"):
        return {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []}
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
    return {**status, "message": f"{path} not found"}


def _kubeconfig(directory: Path, url: str) -> Path:
    file = directory / "kubeconfig"
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    file.write_text(json.dumps(text), encoding="utf-8")
    return file
