"""What Helm finds in a cluster before it makes anything, and what it tells afterwards."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from fraud_core.settings import TopicSettings
from fraud_core.topics import topics
from tests.support.api_server import Document, serving
from tests.support.chart import CHART, NAMESPACE, RELEASE, RefusedError, helm, manifests, one, values
from tests.support.go_tools import ROOT, waits_for_builds

pytestmark = waits_for_builds
REDPANDA = {"ca.crt": "Y2E=", "tls.crt": "Y3J0", "tls.key": "a2V5"}
FETCH = (
    "kubectl -n redpanda get secret redpanda-default-cert -o jsonpath='{.data.ca\\.crt}' | base64 -d > ca.crt"
)
LOGIN = {"username": "bWU=", "password": "c2VjcmV0"}


def _secret(name: str, data: dict[str, str]) -> dict[str, Document]:
    found = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}}
    return {f"namespaces/{NAMESPACE}/secrets/{name}": {**found, "data": data}}


def _install(
    directory: Path,
    *flags: str,
    objects: dict[str, Document],
    namespace: str = NAMESPACE,
    namespace_is_there: bool = True,
) -> str:
    cluster = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
    there = {"namespaces/kube-system": cluster, **objects}
    if namespace_is_there:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        there[f"namespaces/{namespace}/serviceaccounts/default"] = account
    with serving(there, directory) as kubeconfig:
        return helm(
            "install", RELEASE, str(CHART), "--namespace", namespace, "--kubeconfig", str(kubeconfig),
            "--dry-run=server", "--disable-openapi-validation", *flags,
        )  # fmt: skip


def test_a_missing_secret_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        _install(tmp_path, objects={})

    assert (
        'There is no secret "redpanda-default-cert" in the namespace "redpanda", which '
        "kafka.tls.existingSecret names. Create it, or name another."
    ) in str(refused.value)
    assert "--set-file kafka.tls.ca=ca.crt" in str(refused.value)


def test_a_secret_is_missed_also_where_helm_is_to_make_the_namespace(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        _install(tmp_path, "--create-namespace", objects={}, namespace="fraud", namespace_is_there=False)

    assert 'There is no secret "redpanda-default-cert" in the namespace "fraud"' in str(refused.value)
    assert f"  {FETCH}\n" in str(refused.value)
    assert "--set-file kafka.tls.ca=ca.crt" in str(refused.value)


def test_a_namespace_that_helm_is_to_make_needs_no_secret_where_the_authority_is_a_file(
    tmp_path: Path,
) -> None:
    flags = ("--create-namespace", "--set-file", f"kafka.tls.ca={_authority(tmp_path)}")

    told = _install(tmp_path, *flags, objects={}, namespace="fraud", namespace_is_there=False)

    assert "STATUS: pending-install" in told


def test_a_secret_that_lacks_a_key_is_named_with_the_keys_that_it_has(tmp_path: Path) -> None:
    objects = _secret("redpanda-default-cert", REDPANDA) | _secret("fraud-kafka", {"user": "bWU="})

    with pytest.raises(RefusedError) as refused:
        _install(tmp_path, *values(kafka__sasl__existingSecret="fraud-kafka"), objects=objects)

    assert 'The secret "fraud-kafka" has no key "username"; it has: user.' in str(refused.value)
    assert "bWU=" not in str(refused.value)


def test_with_its_secrets_it_is_accepted(tmp_path: Path) -> None:
    objects = _secret("redpanda-default-cert", REDPANDA) | _secret("fraud-kafka", LOGIN)

    told = _install(tmp_path, *values(kafka__sasl__existingSecret="fraud-kafka"), objects=objects)

    assert "STATUS: pending-install" in told
    assert "c2VjcmV0" not in told


def test_what_is_not_used_is_not_asked_for(tmp_path: Path) -> None:
    flags = values(kafka__tls__enabled=False, schemaRegistry__url="http://registry:8081")

    assert "STATUS: pending-install" in _install(tmp_path, *flags, objects={})


def _replicas(directory: Path, *flags: str, live: int | None) -> int | None:
    """Workers that the StatefulSet names where so many run; none where there is no StatefulSet yet."""
    plain = values(kafka__tls__enabled=False, schemaRegistry__url="http://registry:8081")
    metadata = {
        "name": "fraud-fraudstream-detector",
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": NAMESPACE},
    }
    found = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata}
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/fraud-fraudstream-detector"
    objects = {} if live is None else {path: {**found, "spec": {"replicas": live}}}
    told = _install(directory, *plain, *flags, objects=objects)
    manifest = told.split("MANIFEST:\n")[1].split("\nNOTES:")[0]
    replicas: int | None = one(list(filter(None, yaml.safe_load_all(manifest))), "StatefulSet")["spec"].get(
        "replicas"
    )
    return replicas


@pytest.mark.parametrize("scaler", ["hpa", "keda"])
@pytest.mark.parametrize(("live", "named"), [(5, 5), (1, 2), (None, None)])
def test_scaling_that_is_switched_on_begins_with_the_workers_that_there_are(
    tmp_path: Path, scaler: str, live: int | None, named: int | None
) -> None:
    flags = ("--set", f"detector.autoscaling.{scaler}.enabled=true")

    assert _replicas(tmp_path, *flags, live=live) == named


@pytest.mark.parametrize("scaler", ["hpa", "keda"])
def test_workers_that_were_stopped_by_hand_stay_so(tmp_path: Path, scaler: str) -> None:
    """No replicas are how an autoscaler is switched off."""
    assert _replicas(tmp_path, "--set", f"detector.autoscaling.{scaler}.enabled=true", live=0) == 0


def test_without_scaling_the_value_counts_whatever_runs(tmp_path: Path) -> None:
    assert _replicas(tmp_path, "--set", "detector.replicas=3", live=5) == 3


def _notes(told: str) -> str:
    return told.split("NOTES:\n")[1]


@pytest.mark.parametrize("producer", [False, True])
def test_the_notes_name_what_the_release_has(tmp_path: Path, *, producer: bool) -> None:
    flags = values(producer__enabled=producer)
    objects = _secret("redpanda-default-cert", REDPANDA)
    made = {f"{one['kind']}/{one['metadata']['name']}".lower() for one in manifests(*flags)}

    notes = _notes(_install(tmp_path, *flags, objects=objects))

    named = re.findall(r"\b(?:statefulset|service|deployment)/[\w-]+", notes)
    assert len(named) == 2
    assert set(named) <= made
    assert ("--set producer.enabled=true" in notes) is not producer


def test_every_command_of_the_notes_can_be_read_by_a_shell_and_names_the_release(tmp_path: Path) -> None:
    notes = _notes(_install(tmp_path, objects=_secret("redpanda-default-cert", REDPANDA)))
    commands = [shlex.split(line) for line in notes.splitlines() if line.startswith("  ")]

    assert {command[0] for command in commands} == {"kubectl", "helm", "curl"}
    for command in commands:
        if command[0] != "curl":
            assert command[1:3] == ["-n", NAMESPACE]
        for path in (part for part in command if part.startswith("helm/")):
            assert (ROOT / path / "Chart.yaml").is_file()


def test_the_notes_apply_a_fraud_model_of_the_releases_own_pipeline(tmp_path: Path) -> None:
    objects = _secret("redpanda-default-cert", REDPANDA)
    notes = _notes(_install(tmp_path, *values(pipeline="cards"), objects=objects))

    [line] = [line for line in notes.splitlines() if "fraudmodel.yaml" in line]
    edit, apply = line.split(" | ")
    made = subprocess.run(shlex.split(edit), cwd=ROOT, capture_output=True, text=True, check=True)
    assert yaml.safe_load(made.stdout)["spec"]["pipeline"] == "cards"
    assert shlex.split(apply) == ["kubectl", "-n", NAMESPACE, "apply", "-f", "-"]


@pytest.mark.parametrize("given", [{}, {"prefix": "cards.", "logins": "signins"}])
def test_the_notes_delete_every_topic_that_is_no_input(given: dict[str, str], tmp_path: Path) -> None:
    flags = values(**{f"topics__{name}": value for name, value in given.items()})
    names = topics(TopicSettings(**given))
    made = {topic.name for topic in names.all() if topic not in (names.transactions, names.logins)}

    notes = _notes(_install(tmp_path, *flags, objects=_secret("redpanda-default-cert", REDPANDA)))

    assert _deleted(notes) == made


def test_the_notes_delete_the_dead_letters_where_they_are(tmp_path: Path) -> None:
    flags = ("--set", "topics.prefix=cards.,detector.config.errors.deadletterqueue.topic.name=letters")
    told = _install(tmp_path, *flags, objects=_secret("redpanda-default-cert", REDPANDA))

    deleted = _deleted(_notes(told))

    assert "letters" in deleted
    assert "cards.transactions_dlq_replays" in deleted
    assert "cards.transactions_dlq" not in deleted


def test_the_readme_deletes_what_the_notes_do(tmp_path: Path) -> None:
    notes = _notes(_install(tmp_path, objects=_secret("redpanda-default-cert", REDPANDA)))
    readme = (CHART / "README.md").read_text(encoding="utf-8")

    assert _deleted(readme.replace("\\\n", "")) == _deleted(notes)
    for line in (line.strip() for line in notes.splitlines() if "rpk group" in line):
        assert f"\n{line}\n" in readme


def _deleted(told: str) -> set[str]:
    [names] = re.findall(r"rpk topic delete (.*)", told)
    return set(names.split())


def test_elsewhere_the_notes_tell_how_to_get_redpandas_authority(tmp_path: Path) -> None:
    flags = ("--set-file", f"kafka.tls.ca={_authority(tmp_path)}")

    assert FETCH in _notes(_install(tmp_path, *flags, objects={}, namespace="fraud"))


def test_the_readme_tells_how_to_get_redpandas_authority() -> None:
    assert f"\n{FETCH}\n" in (CHART / "README.md").read_text(encoding="utf-8")


def _authority(directory: Path) -> Path:
    file = directory / "ca.crt"
    file.write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    return file
