"""Jobs: made of the chart's template, and read back for what came of them.

The template says how a pod of the release runs: image, security, how brokers are reached. A FraudModel adds
nothing but arguments and resources.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import orjson
import yaml

from fraud_core.errors import ConfigError
from fraud_core.rollouts import BundleRef
from fraud_operator.names import API_VERSION, KIND, MODEL_LABEL, RUN_LABEL
from fraud_operator.planning import Model
from fraud_operator.planning.world import Failure, Measured, Run, RunState, StartJob, Trained, Waiting

Document = dict[str, Any]
RESULT = "/dev/termination-log"
"""Where the trainer writes what came of it; the pod's status then has it."""
SCALES = {"": Decimal(1), "m": Decimal("0.001")}
SCALES |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
SCALES |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}
TRAINING_FAILED = "TrainingFailed"


def template(path: Path) -> Document:
    """The Job as the chart renders it.

    Raises:
        ConfigError: it is none.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        [_] = found["spec"]["template"]["spec"]["containers"]
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path} is no Job with one container ({type(error).__name__}: {error}). The chart renders one "
            "into the operator's ConfigMap; set FRAUD_JOB_TEMPLATE to it."
        ) from error
    return dict(found)


def manifest(base: Document, model: Model, wanted: StartJob) -> Document:
    """The Job to make for a FraudModel, which owns it."""
    job = copy.deepcopy(base)
    labels = {MODEL_LABEL: model.uid, RUN_LABEL: wanted.run_id}
    pod = job["spec"]["template"]
    for metadata in (job.setdefault("metadata", {}), pod.setdefault("metadata", {})):
        metadata["labels"] = {**metadata.get("labels", {}), **labels}
    job["metadata"] |= {
        "name": wanted.job_name,
        "namespace": model.namespace,
        "ownerReferences": [_owner(model)],
    }
    job["spec"] |= {"backoffLimit": wanted.retries, "activeDeadlineSeconds": wanted.deadline_s}
    [container] = pod["spec"]["containers"]
    container["args"] = [*wanted.arguments, "--result", RESULT]
    resources = wanted.resources.to_manifest()
    container["resources"] = _merged(container.get("resources", {}), resources)
    return job


def _owner(model: Model) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": model.name,
        "uid": model.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _merged(base: Document, given: Document) -> Document:
    """What is given beside what it does not name; of a request and a limit the given one moves the other."""
    found = {kind: {**base.get(kind, {}), **given.get(kind, {})} for kind in ("requests", "limits")}
    requests, limits = found["requests"], found["limits"]
    for name in set(requests) & set(limits):
        request, limit = _amount(requests[name]), _amount(limits[name])
        if request is None or limit is None or request <= limit:
            continue
        if name not in given.get("limits", {}):
            limits[name] = requests[name]
        elif name not in given.get("requests", {}):
            requests[name] = limits[name]
    return {kind: amounts for kind, amounts in found.items() if amounts}


def _amount(quantity: object) -> Decimal | None:
    """A quantity as a number; None for a spelling that is not known here."""
    found = re.fullmatch(r"([0-9.]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?", str(quantity))
    try:
        return Decimal(found[1]) * SCALES[found[2] or ""] if found else None
    except InvalidOperation:
        return None


def runs(jobs: Iterable[Document], pods: Iterable[Document]) -> dict[str, dict[str, Run]]:
    """What has become of the Jobs of every FraudModel, by its uid and the run id."""
    of_run: dict[str, list[Document]] = {}
    for pod in pods:
        of_run.setdefault(pod["metadata"].get("labels", {}).get(RUN_LABEL, ""), []).append(pod)
    found: dict[str, dict[str, Run]] = {}
    for job in jobs:
        labels = job["metadata"].get("labels", {})
        if MODEL_LABEL in labels and RUN_LABEL in labels and "deletionTimestamp" not in job["metadata"]:
            run = _run(job, of_run.get(labels[RUN_LABEL], []))
            found.setdefault(labels[MODEL_LABEL], {})[labels[RUN_LABEL]] = run
    return found


def _run(job: Document, pods: list[Document]) -> Run:
    status, name = job.get("status", {}), str(job["metadata"]["name"])
    attempt = int(status.get("failed", 0)) + int(status.get("active", 0)) + int(status.get("succeeded", 0))
    ended = {one["type"]: one for one in status.get("conditions", ()) if one["status"] == "True"}
    last = _terminated(job, pods)
    if "Complete" in ended:
        said = _json(last.get("message"))
        return Run(RunState.SUCCEEDED, attempt, _trained(said), _measured(said), job_name=name)
    if "Failed" in ended:
        return Run(RunState.FAILED, attempt, failure=_failure(ended["Failed"], last), job_name=name)
    return Run(RunState.ACTIVE, max(1, attempt), waiting=_waiting(job, pods), job_name=name)


def _waiting(job: Document, pods: list[Document]) -> Waiting | None:
    """What the Job's newest pod waits for; None where its own container runs or has ended, or none is there.

    Also of a container that is to run before it: without that one it never starts.
    """
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default={})
    status = newest.get("status", {})
    name = job["spec"]["template"]["spec"]["containers"][0]["name"]
    own = [one for one in status.get("containerStatuses", ()) if one["name"] == name]
    if any("waiting" not in one.get("state", {}) for one in own):
        return None
    states = [one.get("state", {}) for one in (*status.get("initContainerStatuses", ()), *own)]
    waits = [state["waiting"] for state in states if "waiting" in state]
    waits += [one for one in status.get("conditions", ()) if _is_unscheduled(one)]
    if not waits:
        return None
    since = datetime.fromisoformat(newest["metadata"]["creationTimestamp"])
    return Waiting(since, str(waits[0].get("reason")), str(waits[0].get("message") or ""))


def _is_unscheduled(condition: Document) -> bool:
    return condition.get("type") == "PodScheduled" and condition.get("status") == "False"


def _terminated(job: Document, pods: list[Document]) -> Document:
    """How the Job's own container ended that ended last; empty where none is known.

    What a mesh injects beside it may end later, and says nothing of the training.
    """
    own = job["spec"]["template"]["spec"]["containers"][0]["name"]
    ends = [
        container["state"]["terminated"]
        for pod in pods
        for container in pod.get("status", {}).get("containerStatuses", ())
        if container["name"] == own and "terminated" in container.get("state", {})
    ]
    return max(ends, key=lambda end: str(end.get("finishedAt", "")), default={})


def _json(text: object) -> Document:
    try:
        found = orjson.loads(str(text))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _trained(said: Mapping[str, Any]) -> Trained | None:
    try:
        ref = BundleRef(said["version"], said["url"], said["sha256"])
        return Trained(
            ref,
            datetime.fromisoformat(said["data_until"]),
            {name: float(value) for name, value in said["metrics"].items()},
            said.get("parent_version"),
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _measured(said: Mapping[str, Any]) -> dict[str, Measured]:
    try:
        return {
            version: Measured(int(one["labelled"]), one["value"], one.get("low"), one.get("high"))
            for version, one in said["precision"].items()
        }
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}


def _failure(condition: Document, last: Document) -> Failure:
    """The trainer's own words, or else its last lines, or else what Kubernetes says."""
    said = _json(last.get("message"))
    if "reason" in said and "message" in said:
        return Failure(str(said["reason"]), str(said["message"]))
    why, text = str(condition.get("reason", "")), str(last.get("message") or "").strip()
    if last.get("reason") == "OOMKilled":
        remedy = "The pod was killed for the memory it took; raise spec.training.resources.limits.memory."
        return Failure("OutOfMemory", f"{remedy} {text}".strip())
    if why == "DeadlineExceeded":
        return Failure("DeadlineExceeded", text)
    return Failure(TRAINING_FAILED, text or f"{why}: {condition.get('message', '')}")
