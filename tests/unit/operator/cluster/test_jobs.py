"""Jobs: made of the chart's template, and read back for what came of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from fraud_core.errors import ConfigError
from fraud_operator.api.spec import Resources
from fraud_operator.cluster.jobs import manifest, runs, template
from fraud_operator.names import MODEL_LABEL, RUN_LABEL
from fraud_operator.planning.world import Failure, Measured, RunState, StartJob, Trained, Waiting
from tests.support.fraud_models import NOW, Universe, bundle, spec

BASE = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"labels": {"team": "risk"}},
    "spec": {
        "ttlSecondsAfterFinished": 60,
        "template": {
            "metadata": {"labels": {"team": "risk"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "trainer",
                        "image": "fraudstream-trainer:1",
                        "env": [{"name": "FRAUD_TOPICS__PREFIX", "value": "x."}],
                        "resources": {
                            "requests": {"cpu": "500m", "memory": "1Gi"},
                            "limits": {"memory": "4Gi"},
                        },
                    }
                ],
            },
        },
    },
}
RESULT = {
    "version": "one",
    "url": bundle("one").url,
    "sha256": bundle("one").sha256,
    "data_until": "2026-11-02T12:00:00+00:00",
    "metrics": {"recall": 0.5},
    "parent_version": "baseline",
}


def wanted(resources: Resources = Resources()) -> StartJob:  # noqa: B008 - it is frozen
    return StartJob("0123456789", "cards-train-0123456789", ("trainer", "train"), 2, 600, resources)


def job(**status: Any) -> dict[str, Any]:
    labels = {MODEL_LABEL: "uid-1", RUN_LABEL: "0123456789"}
    metadata = {"name": "cards-train-0123456789", "labels": labels}
    return {"metadata": metadata, "spec": BASE["spec"], "status": status}


def pod(message: str | None = None, finished: str = "2026-11-02T12:00:00Z", **ended: Any) -> dict[str, Any]:
    end = {"finishedAt": finished, **({"message": message} if message is not None else {}), **ended}
    return {
        "metadata": {"labels": {RUN_LABEL: "0123456789"}},
        "status": {"containerStatuses": [{"name": "trainer", "state": {"terminated": end}}]},
    }


def ended(kind: str, reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": "it has"}]}


def test_a_job_is_the_template_with_name_owner_labels_arguments_and_nothing_else() -> None:
    made = manifest(BASE, Universe(spec()).model, wanted())

    [owner] = made["metadata"].pop("ownerReferences")
    assert owner == {
        "apiVersion": "fraudstream.dev/v1alpha1", "kind": "FraudModel", "name": "cards", "uid": "uid-1",
        "controller": True, "blockOwnerDeletion": False,
    }  # fmt: skip
    labels = {"team": "risk", MODEL_LABEL: "uid-1", RUN_LABEL: "0123456789"}
    assert made["metadata"] == {"name": "cards-train-0123456789", "namespace": "ns", "labels": labels}
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    assert (made["spec"]["backoffLimit"], made["spec"]["activeDeadlineSeconds"]) == (2, 600)
    [container] = made["spec"]["template"]["spec"]["containers"]
    assert container.pop("args") == ["trainer", "train", "--result", "/dev/termination-log"]
    [of_chart] = BASE["spec"]["template"]["spec"]["containers"]  # type: ignore[index]
    assert container == of_chart


def test_a_fraud_model_asks_for_more_without_taking_away_what_it_does_not_name() -> None:
    made = manifest(
        BASE, Universe(spec()).model, wanted(Resources(requests={"cpu": 2}, limits={"cpu": "3500m"}))
    )

    [container] = made["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": 2, "memory": "1Gi"}, "limits": {"memory": "4Gi", "cpu": "3500m"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "requests", "limits"),
    [
        ({"requests": {"memory": "8Gi"}}, "8Gi", "8Gi"),
        ({"limits": {"memory": "512Mi"}}, "512Mi", "512Mi"),
        ({"limits": {"memory": "2Gi"}}, "1Gi", "2Gi"),
        ({"requests": {"memory": 2_000_000_000}}, 2_000_000_000, "4Gi"),
        ({"requests": {"memory": "8Gi"}, "limits": {"memory": "6Gi"}}, "8Gi", "6Gi"),
    ],
)
def test_of_request_and_limit_the_one_that_is_given_moves_the_templates_other_one(
    given: dict[str, Any], requests: object, limits: object
) -> None:
    made = manifest(BASE, Universe(spec()).model, wanted(Resources.model_validate(given)))

    [container] = made["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["memory"] == requests
    assert container["resources"]["limits"]["memory"] == limits


def test_a_quantity_that_is_not_known_here_is_left_to_the_server() -> None:
    base = {"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"memory": "4e9"}}}]}}}}

    made = manifest(base, Universe(spec()).model, wanted(Resources(requests={"memory": "8Gi"})))

    [container] = made["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"requests": {"memory": "8Gi"}, "limits": {"memory": "4e9"}}


def test_the_template_is_not_changed_by_what_is_made_of_it() -> None:
    before = yaml.safe_dump(BASE)

    manifest(BASE, Universe(spec()).model, wanted())

    assert yaml.safe_dump(BASE) == before


@pytest.mark.parametrize("content", ["", "kind: Job", "spec: {template: {spec: {containers: []}}}", "[:"])
def test_a_template_that_is_none_is_refused_with_what_to_set(content: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"(?s)is no Job with one container .* set FRAUD_JOB_TEMPLATE"):
        template(file)


def test_a_training_that_succeeded_says_where_its_bundle_is() -> None:
    found = runs([job(**ended("Complete"), succeeded=1)], [pod(orjson.dumps(RESULT).decode())])

    run = found["uid-1"]["0123456789"]
    assert run.state is RunState.SUCCEEDED
    assert run.trained == Trained(bundle("one"), NOW, {"recall": 0.5}, "baseline")


def test_a_measurement_says_what_it_found() -> None:
    known = {"alerts": 9, "labelled": 4, "frauds": 1, "value": 0.25}
    said = {"precision": {"one": known | {"low": 0.05, "high": 0.7}, "of-before": known}}

    found = runs([job(**ended("Complete"), succeeded=1)], [pod(orjson.dumps(said).decode())])

    assert found["uid-1"]["0123456789"].measured == {
        "one": Measured(4, 0.25, 0.05, 0.7), "of-before": Measured(4, 0.25),
    }  # fmt: skip


@pytest.mark.parametrize("message", [None, "", "{}", "no JSON", '{"version": 1}', "[1]"])
def test_success_without_a_result_is_told_apart(message: str | None) -> None:
    pods = [] if message is None else [pod(message)]

    run = runs([job(**ended("Complete"), succeeded=1)], pods)["uid-1"]["0123456789"]

    assert run.state is RunState.SUCCEEDED
    assert run.trained is None
    assert run.measured == {}


@pytest.mark.parametrize(
    ("condition", "pods", "failure"),
    [
        (
            "PodFailurePolicy",
            [pod('{"reason": "WindowNotRetained", "message": "only 3 days"}')],
            Failure("WindowNotRetained", "only 3 days"),
        ),
        (
            "BackoffLimitExceeded",
            [pod("Traceback\nKeyError: 1")],
            Failure("TrainingFailed", "Traceback\nKeyError: 1"),
        ),
        (
            "BackoffLimitExceeded",
            [pod("", reason="OOMKilled")],
            Failure(
                "OutOfMemory",
                "The pod was killed for the memory it took; raise spec.training.resources.limits.memory.",
            ),
        ),
        (
            "DeadlineExceeded",
            [],
            Failure("DeadlineExceeded", ""),
        ),
        ("BackoffLimitExceeded", [], Failure("TrainingFailed", "BackoffLimitExceeded: it has")),
    ],
)
def test_a_failure_has_the_trainers_own_words_or_else_its_last_lines_or_else_kubernetes(
    condition: str, pods: list[dict[str, Any]], failure: Failure
) -> None:
    run = runs([job(**ended("Failed", condition), failed=3)], pods)["uid-1"]["0123456789"]

    assert run.state is RunState.FAILED
    assert run.failure == failure
    assert run.attempt == 3


def test_of_several_pods_the_last_one_speaks() -> None:
    pods = [pod("second", "2026-11-02T12:05:00Z"), pod("first", "2026-11-02T12:00:00Z")]

    run = runs([job(**ended("Failed", "BackoffLimitExceeded"))], pods)["uid-1"]["0123456789"]

    assert run.failure == Failure("TrainingFailed", "second")


def test_a_container_that_was_injected_does_not_speak_for_the_training() -> None:
    ended_pod = pod(orjson.dumps(RESULT).decode())
    proxy = {"terminated": {"finishedAt": "2026-11-02T12:00:09Z", "message": "bye", "reason": "OOMKilled"}}
    ended_pod["status"]["containerStatuses"].append({"name": "istio-proxy", "state": proxy})

    run = runs([job(**ended("Complete"), succeeded=1)], [ended_pod])["uid-1"]["0123456789"]

    assert run.trained is not None


def test_a_job_that_runs_or_has_not_begun_is_active() -> None:
    assert runs([job(active=1, failed=1)], [])["uid-1"]["0123456789"].attempt == 2
    assert runs([job()], [])["uid-1"]["0123456789"].state is RunState.ACTIVE


def pending(made: str = "2026-11-02T12:00:00Z", **status: Any) -> dict[str, Any]:
    metadata = {"labels": {RUN_LABEL: "0123456789"}, "creationTimestamp": made}
    return {"metadata": metadata, "status": {"phase": "Pending", **status}}


def waits(reason: str, name: str = "trainer") -> dict[str, Any]:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": f"{reason} it is"}}}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}


@pytest.mark.parametrize(
    ("status", "waiting"),
    [
        (
            {"containerStatuses": [waits("ImagePullBackOff")]},
            Waiting(NOW, "ImagePullBackOff", "ImagePullBackOff it is"),
        ),
        (
            {
                "initContainerStatuses": [waits("ErrImagePull", "before")],
                "containerStatuses": [waits("PodInitializing")],
            },
            Waiting(NOW, "ErrImagePull", "ErrImagePull it is"),
        ),
        (
            {
                "containerStatuses": [
                    {"name": "trainer", "state": {"waiting": {"reason": "ContainerCreating"}}}
                ]
            },
            Waiting(NOW, "ContainerCreating"),
        ),
        ({"conditions": [UNSCHEDULED]}, Waiting(NOW, "Unschedulable", "0/1 nodes")),
        ({"conditions": [UNSCHEDULED | {"status": "True"}]}, None),
        (
            {
                "containerStatuses": [
                    waits("ImagePullBackOff", "mesh"),
                    {"name": "trainer", "state": {"running": {}}},
                ]
            },
            None,
        ),
        ({}, None),
    ],
)
def test_a_pod_that_does_not_start_says_what_it_waits_for(
    status: dict[str, Any], waiting: Waiting | None
) -> None:
    assert runs([job(active=1)], [pending(**status)])["uid-1"]["0123456789"].waiting == waiting


def test_of_several_pods_the_newest_one_is_waited_for() -> None:
    first = pending("2026-11-02T12:00:00Z", containerStatuses=[waits("ImagePullBackOff")])
    second = pending(
        "2026-11-02T12:01:00Z", containerStatuses=[{"name": "trainer", "state": {"running": {}}}]
    )

    assert runs([job(active=2)], [second, first])["uid-1"]["0123456789"].waiting is None
    assert runs([job(active=1)], [])["uid-1"]["0123456789"].waiting is None


def test_a_pod_waits_since_it_was_made_and_not_since_its_job_or_the_pod_before_it() -> None:
    first = pod("Traceback", "2026-11-02T12:11:00Z")
    first["metadata"]["creationTimestamp"] = "2026-11-02T12:00:00Z"
    second = pending("2026-11-02T12:11:05Z", containerStatuses=[waits("ContainerCreating")])

    waiting = runs([job(active=1, failed=1)], [first, second])["uid-1"]["0123456789"].waiting

    assert waiting
    assert waiting.since == NOW + timedelta(minutes=11, seconds=5)


def test_a_job_that_is_being_deleted_or_is_not_ours_does_not_count() -> None:
    going = job()
    going["metadata"]["deletionTimestamp"] = "2026-11-02T12:00:00Z"

    assert runs([going, {"metadata": {"name": "other"}}], []) == {}
