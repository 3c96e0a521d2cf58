"""The operator's part of the chart: what it may, and the Jobs that it makes of the chart's template."""

import json
from pathlib import Path

import pytest
import typer.main
import yaml

from fraud_operator.api.spec import Resources
from fraud_operator.cluster import jobs
from fraud_operator.cluster.paths import PERMISSIONS
from fraud_operator.planning.training import arguments
from fraud_operator.planning.world import StartJob
from fraud_trainer.cli import app as trainer_app
from tests.support import kubernetes_schemas
from tests.support.chart import CHART, MATRIX, Manifest, kinds, manifests, of_matrix, one, values
from tests.support.conforming import conform
from tests.support.fraud_models import QUICK, Universe, spec
from tests.support.go_tools import waits_for_builds
from tests.support.mounted import environment

pytestmark = waits_for_builds
each = pytest.mark.parametrize("name", sorted(MATRIX))


def template(documents: list[Manifest], directory: Path) -> Manifest:
    file = directory / "job.yaml"
    file.write_text(one(documents, "ConfigMap", "-job")["data"]["job.yaml"], encoding="utf-8")
    return jobs.template(file)


def made(documents: list[Manifest], directory: Path) -> Manifest:
    model = Universe(spec(**QUICK)).model
    wanted = StartJob("0123456789", "cards-train-0123456789", arguments(model.spec), 2, 600, Resources())
    return jobs.manifest(template(documents, directory), model, wanted)


def test_its_role_is_what_it_asks_the_server_for_and_no_more() -> None:
    """Why each verb is needed stands beside `PERMISSIONS` and in the Role."""
    rules = one(manifests(), "Role")["rules"]

    found = {
        (group, resource, frozenset(rule["verbs"]))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert found == set(PERMISSIONS)


def test_it_may_nothing_outside_of_its_namespace_and_reads_no_secret() -> None:
    documents = manifests()

    assert not {"ClusterRole", "ClusterRoleBinding"} & kinds(documents)
    assert "secrets" not in yaml.safe_dump(one(documents, "Role"))
    binding = one(documents, "RoleBinding")
    account = one(documents, "ServiceAccount", "-operator")["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [account]
    assert (
        one(documents, "Deployment", "-operator")["spec"]["template"]["spec"]["serviceAccountName"] == account
    )


def test_there_is_one_and_a_new_one_begins_when_the_old_one_has_ended() -> None:
    deployment = one(manifests(), "Deployment", "-operator")["spec"]

    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}


def test_an_account_of_ones_own_needs_a_name() -> None:
    documents = of_matrix("everything")

    assert not {"Role", "RoleBinding"} & kinds(documents)
    assert (
        one(documents, "Deployment", "-operator")["spec"]["template"]["spec"]["serviceAccountName"]
        == "fraud-operator"
    )


def test_without_it_nothing_of_it_is_left() -> None:
    documents = manifests(*values(operator__enabled=False))

    assert not [one for one in documents if "operator" in str(one["metadata"]["name"])]
    assert "Role" not in kinds(documents)


@each
def test_a_job_that_is_made_of_the_template_is_one_that_kubernetes_takes(name: str, tmp_path: Path) -> None:
    kubernetes_schemas.write(tmp_path, frozenset({("batch/v1", "Job")}))

    done = conform(tmp_path, json.dumps(made(of_matrix(name), tmp_path)))

    assert done.returncode == 0, done.stdout


@each
def test_its_pod_reaches_brokers_and_registry_as_the_detectors_do(name: str, tmp_path: Path) -> None:
    documents = of_matrix(name)
    pod = made(documents, tmp_path)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    detector = one(documents, "StatefulSet")["spec"]["template"]["spec"]
    theirs = environment(detector["containers"][0], CHART)
    ours = {key: value for key, value in environment(container, CHART).items() if key.startswith("FRAUD_")}

    assert ours.items() <= theirs.items()
    assert {"FRAUD_KAFKA__BOOTSTRAP_SERVERS", "FRAUD_SCHEMA_REGISTRY__URL"} <= ours.keys()
    volumes = [volume for volume in detector.get("volumes", ()) if volume["name"] == "fraudstream"]
    assert [volume for volume in pod.get("volumes", ()) if volume["name"] == "fraudstream"] == [
        {**volume, "projected": {**volume["projected"], "sources": _without_rules(volume)}}
        for volume in volumes
    ]


def _without_rules(volume: Manifest) -> list[Manifest]:
    return [
        source
        for source in volume["projected"]["sources"]
        if [item["key"] for item in source.get("configMap", {}).get("items", ())] != ["rules.yaml"]
    ]


@each
def test_its_pod_is_restricted_and_cannot_talk_to_kubernetes(name: str, tmp_path: Path) -> None:
    pod = made(of_matrix(name), tmp_path)["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_its_command_is_one_that_the_trainer_understands(tmp_path: Path) -> None:
    [container] = made(manifests(), tmp_path)["spec"]["template"]["spec"]["containers"]
    service, command, *flags = container["args"]

    group = typer.main.get_command(trainer_app)
    assert service == "trainer"
    assert group.commands[command].make_context(command, list(flags)).params["min_samples"] == 1_000  # type: ignore[attr-defined]


def test_what_cannot_be_is_not_tried_again(tmp_path: Path) -> None:
    job = template(manifests(), tmp_path)

    rules = job["spec"]["podFailurePolicy"]["rules"]
    assert {
        "action": "FailJob",
        "onExitCodes": {"containerName": "trainer", "operator": "In", "values": [2]},
    } in rules
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_the_definition_comes_with_the_chart_and_outlives_it() -> None:
    """What is in crds/ is installed before all else, and neither upgraded nor uninstalled by Helm."""
    assert [path.name for path in (CHART / "crds").iterdir()] == ["fraudmodels.fraudstream.dev.yaml"]
