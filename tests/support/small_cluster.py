"""An API server in memory with as much of Kubernetes as the operator and kopf ask for, and no kubelet.

Whether Kubernetes itself agrees is for tests/cluster, on a real one; here the operator's own process, its
HTTP, kopf's watches and Kafka are tested together, in seconds. Access is granted as the chart's Role does.
"""

import asyncio
import copy
import json
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from fraud_operator.api.crd import schema
from fraud_operator.cluster.paths import PERMISSIONS
from tests.support.crd import defaulted, faults

Document = dict[str, Any]
RESOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    "v1": (("namespaces", "Namespace"), ("pods", "Pod"), ("events", "Event")),
    "batch/v1": (("jobs", "Job"),),
    "apiextensions.k8s.io/v1": (("customresourcedefinitions", "CustomResourceDefinition"),),
    "fraudstream.dev/v1alpha1": (("fraudmodels", "FraudModel"),),
}
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
NAMESPACE = "fraud"


class SmallCluster:
    """The objects of one namespace; may be used by any thread."""

    namespace = NAMESPACE

    def __init__(self) -> None:
        """Holds nothing yet."""
        self._objects: dict[tuple[str, str], Document] = {}
        self._log: list[tuple[int, str, str, Document]] = []
        self._lock = threading.RLock()
        self._version = 100
        self.refused: list[str] = []
        self.refuses: dict[str, tuple[int, str]] = {}
        """What is answered, by verb and resource, as admission, quota and validation answer."""
        self.schema = schema()
        self.schema_checked = True
        """Whether a status is held against the schema; it is not where a newer definition knows more."""

    def apply(self, document: Document) -> Document:
        """Make it, or change its spec, as `kubectl apply` does.

        Raises:
            ValueError: the CRD refuses it.
        """
        with self._lock:
            name, resource = document["metadata"]["name"], "fraudmodels"
            old = self._objects.get((resource, name))
            if found := faults(document, old):
                raise ValueError(found)
            stored = defaulted(document, schema())
            if old is None:
                return self._put(resource, {**stored, "status": {}}, "ADDED")
            changed = {**copy.deepcopy(old), "spec": stored["spec"]}
            changed["metadata"]["generation"] += stored["spec"] != old["spec"]
            return self._put(resource, changed, "MODIFIED")

    def get(self, resource: str, name: str) -> Document:
        """The object, as it is now."""
        with self._lock:
            return copy.deepcopy(self._objects[resource, name])

    def all(self, resource: str) -> list[Document]:
        """All of a kind."""
        with self._lock:
            return [copy.deepcopy(one) for (kind, _), one in self._objects.items() if kind == resource]

    def delete(self, resource: str, name: str) -> None:
        """No such object any more, nor what it owns."""
        with self._lock:
            gone = self._objects.pop((resource, name))
            self._version += 1
            self._log.append((self._version, resource, "DELETED", gone))
            for (kind, other), one in list(self._objects.items()):
                owners = one["metadata"].get("ownerReferences", ())
                if gone["metadata"]["uid"] in {owner["uid"] for owner in owners}:
                    self.delete(kind, other)

    def end_job(self, name: str, message: str, *, succeeded: bool = True) -> None:
        """What kubelet and Job controller say when a Job's pod has ended with these last words."""
        with self._lock:
            job = self.get("jobs", name)
            kind = "Complete" if succeeded else "Failed"
            reason = "" if succeeded else "PodFailurePolicy"
            pod = {"metadata": {"name": f"{name}-x", "labels": job["spec"]["template"]["metadata"]["labels"]}}
            end = {"exitCode": 0 if succeeded else 2, "finishedAt": _now(), "message": message}
            pod["status"] = {"containerStatuses": [{"name": "trainer", "state": {"terminated": end}}]}
            self._put("pods", pod, "ADDED")
            job["status"] = {
                "succeeded" if succeeded else "failed": 1,
                "conditions": [{"type": kind, "status": "True", "reason": reason}],
            }
            self._put("jobs", job, "MODIFIED")

    def _put(self, resource: str, document: Document, change: str) -> Document:
        self._version += 1
        metadata = document.setdefault("metadata", {})
        metadata.setdefault("name", f"{metadata.get('generateName', '')}{uuid.uuid4().hex[:6]}")
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", _now())
        metadata.setdefault("generation", 1)
        metadata |= {"resourceVersion": str(self._version), "namespace": NAMESPACE}
        self._objects[resource, metadata["name"]] = document
        self._log.append((self._version, resource, change, copy.deepcopy(document)))
        return copy.deepcopy(document)

    def changes(self, resource: str, after: int) -> list[tuple[int, str, Document]]:
        """What happened after a version."""
        with self._lock:
            return [(at, what, one) for at, kind, what, one in self._log if kind == resource and at > after]

    def list(self, resource: str, selector: str) -> Document:
        """A list as the server gives it."""
        with self._lock:
            items = [one for one in self.all(resource) if _selected(one, selector)]
            return {"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": items}

    def create(self, resource: str, document: Document) -> Document | None:
        """Make it; None if it is there."""
        with self._lock:
            name = document["metadata"].get("name")
            return None if (resource, name) in self._objects else self._put(resource, document, "ADDED")

    def set_status(self, name: str, document: Document) -> Document | str:
        """Replace the status alone; a text says why not."""
        with self._lock:
            old = self._objects.get(("fraudmodels", name))
            if old is None:
                return "NotFound"
            if document["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
                return "Conflict"
            changed = {**copy.deepcopy(old), "status": document["status"]}
            if self.schema_checked and (found := faults(changed)):
                return f"Invalid: {found}"
            return self._put("fraudmodels", changed, "MODIFIED")


def _selected(document: Document, selector: str) -> bool:
    labels = document["metadata"].get("labels", {})
    return all(part in labels for part in selector.split(",") if part)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def served(cluster: SmallCluster, directory: Path) -> Iterator[Path]:
    """A kubeconfig for it while the block runs."""
    loop, started, port = asyncio.new_event_loop(), threading.Event(), [0]

    async def start() -> web.AppRunner:
        runner = web.AppRunner(_app(cluster), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port[0] = runner.addresses[0][1]
        started.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(30)
    file = directory / "kubeconfig"
    file.write_text(yaml.safe_dump(_kubeconfig(f"http://127.0.0.1:{port[0]}")), encoding="utf-8")
    try:
        yield file
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


def _kubeconfig(server: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": "of-the-test"}}],
        "contexts": [
            {"name": "test", "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE}}
        ],
    }


def _app(cluster: SmallCluster) -> web.Application:
    app = web.Application()
    app.router.add_get("/api", _always({"versions": ["v1"]}))
    app.router.add_get("/apis", _always({"groups": _groups()}))
    app.router.add_get("/openapi/v3/apis/fraudstream.dev/v1alpha1", _always(_openapi(cluster.schema)))
    for version, kinds in RESOURCES.items():
        base = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        app.router.add_get(base, _always(_discovery(version, kinds)))
        for resource, _ in kinds:
            handler = _Handler(cluster, version.rpartition("/")[0], resource)
            place = f"{base}/namespaces/{NAMESPACE}/{resource}"
            app.router.add_get(place, handler.list)
            app.router.add_post(place, handler.create)
            app.router.add_delete(f"{place}/{{name}}", handler.delete)
            app.router.add_put(f"{place}/{{name}}/status", handler.status)
    return app


class _Handler:
    """What is answered about one resource."""

    def __init__(self, cluster: SmallCluster, group: str, resource: str) -> None:
        self._cluster, self._group, self._resource = cluster, group, resource

    async def list(self, request: web.Request) -> web.StreamResponse:
        watching = request.query.get("watch") in {"true", "1"}
        if denied := self._denied("watch" if watching else "list", self._resource):
            return denied
        if watching:
            return await self._watch(request)
        return await _json(self._cluster.list(self._resource, request.query.get("labelSelector", "")))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        at = int(request.query.get("resourceVersion") or 0)
        while request.transport is not None and not request.transport.is_closing():
            for version, what, document in self._cluster.changes(self._resource, at):
                at, line = version, {"type": what, "object": document}
                await response.write(json.dumps(line).encode() + b"\n")
            await asyncio.sleep(0.05)
        return response

    async def create(self, request: web.Request) -> web.Response:
        if denied := self._denied("create", self._resource):
            return denied
        if f"create {self._resource}" in self._cluster.refuses:
            return await _failure(*self._cluster.refuses[f"create {self._resource}"])
        made = self._cluster.create(self._resource, await request.json())
        return await (_json(made, 201) if made else _failure(409, "AlreadyExists"))

    async def delete(self, request: web.Request) -> web.Response:
        if denied := self._denied("delete", self._resource):
            return denied
        try:
            self._cluster.delete(self._resource, request.match_info["name"])
        except KeyError:
            return await _failure(404, "NotFound")
        return await _json({"status": "Success"})

    async def status(self, request: web.Request) -> web.Response:
        if denied := self._denied("update", f"{self._resource}/status"):
            return denied
        name = request.match_info["name"]
        if f"update {self._resource}/status {name}" in self._cluster.refuses:
            return await _failure(*self._cluster.refuses[f"update {self._resource}/status {name}"])
        found = self._cluster.set_status(name, await request.json())
        if isinstance(found, str):
            return await _failure({"NotFound": 404, "Conflict": 409}.get(found, 422), found)
        return await _json(found)

    def _denied(self, verb: str, resource: str) -> web.Response | None:
        for group, name, verbs in PERMISSIONS:
            if (group, name) == (self._group, resource) and verb in verbs:
                return None
        self._cluster.refused.append(f"{verb} {resource}")
        return web.json_response({"kind": "Status", "message": f"{verb} {resource}", "code": 403}, status=403)


def _always(document: Document) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return await _json(document)

    return answer


async def _json(document: object, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)


async def _failure(status: int, message: str) -> web.Response:
    return await _json({"kind": "Status", "message": message, "code": status}, status)


def _groups() -> list[Document]:
    return [
        {
            "name": version.partition("/")[0],
            "versions": [{"groupVersion": version, "version": version.partition("/")[2]}],
            "preferredVersion": {"groupVersion": version, "version": version.partition("/")[2]},
        }
        for version in RESOURCES
        if "/" in version
    ]


def _discovery(version: str, kinds: tuple[tuple[str, str], ...]) -> Document:
    resources = [
        {
            "name": plural, "singularName": kind.lower(), "kind": kind, "verbs": VERBS,
            "namespaced": kind not in {"Namespace", "CustomResourceDefinition"},
        }
        for plural, kind in kinds
    ]  # fmt: skip
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _openapi(served: Document) -> Document:
    kind = {"group": "fraudstream.dev", "version": "v1alpha1", "kind": "FraudModel"}
    ours = {**served, "x-kubernetes-group-version-kind": [kind]}
    return {"components": {"schemas": {"dev.fraudstream.v1alpha1.FraudModel": ours}}}
