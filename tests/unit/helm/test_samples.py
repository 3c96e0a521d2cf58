"""k8s/ fits the chart: the values render, and its page names what there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from fraud_core.settings import CoreSettings
from tests.support.chart import NAMESPACE, RELEASE, Manifest, manifests, one, pods
from tests.support.go_tools import ROOT, waits_for_builds
from tests.support.images import DOCKERFILES
from tests.support.mounted import environment

pytestmark = waits_for_builds
K8S = ROOT / "k8s"
PAGE = (K8S / "README.md").read_text(encoding="utf-8")
BESIDE = {"fraudstream-dev": "redpanda-dev", "fraudstream-tls-sasl": "redpanda-tls-sasl"}
each = pytest.mark.parametrize("name", sorted(BESIDE))


def _values(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((K8S / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def _rendered(name: str) -> list[Manifest]:
    return manifests("--values", str(K8S / f"{name}.yaml"))


def _commands() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@each
def test_ours_speak_to_redpanda_as_the_values_beside_them_make_it(name: str) -> None:
    redpanda = _values(BESIDE[name])
    variables = environment(pods(_rendered(name))["detector"]["containers"][0], Path("/"))
    sasl = redpanda.get("auth", {}).get("sasl", {}).get("enabled", False)
    scheme = "https" if redpanda["tls"]["enabled"] else "http"

    protocol = ("SASL_" if sasl else "") + ("SSL" if redpanda["tls"]["enabled"] else "PLAINTEXT")
    assert variables["FRAUD_KAFKA__SECURITY_PROTOCOL"] == protocol
    assert variables["FRAUD_SCHEMA_REGISTRY__URL"].startswith(f"{scheme}://redpanda.{NAMESPACE}.svc")
    assert int(variables["FRAUD_TOPICS__REPLICATION_FACTOR"]) <= redpanda["statefulset"]["replicas"]


def test_the_user_is_one_that_redpanda_is_given() -> None:
    sasl = _values("redpanda-tls-sasl")["auth"]["sasl"]
    variables = environment(pods(_rendered("fraudstream-tls-sasl"))["detector"]["containers"][0], Path("/"))

    assert variables["FRAUD_KAFKA__SASL_MECHANISM"] == sasl["mechanism"]
    assert f":{sasl['mechanism']}\\n" in PAGE
    assert f"create secret generic {sasl['secretRef']} " in PAGE
    assert (
        f"create secret generic {_values('fraudstream-tls-sasl')['kafka']['sasl']['existingSecret']} " in PAGE
    )


def test_the_console_asks_where_the_release_answers() -> None:
    clusters = _values("console")["console"]["config"]["kafkaConnect"]["clusters"]
    documents = _rendered("fraudstream-dev")

    for cluster in clusters:
        found = re.fullmatch(r"http://([\w-]+):(\d+)", cluster["url"])
        assert found is not None
        service = next(
            each for each in documents if each["kind"] == "Service" and each["metadata"]["name"] == found[1]
        )
        assert service["spec"]["ports"][0]["port"] == int(found[2]) == CoreSettings().http.port


def test_every_file_that_the_page_names_is_there() -> None:
    named = [
        part for command in _commands() for part in command if part.startswith(("k8s/", "helm/", "services/"))
    ]

    assert len(named) > 8
    for path in named:
        assert (ROOT / path).exists()


def test_the_page_loads_the_images_that_it_builds_and_the_chart_wants_no_others() -> None:
    tags = {part for command in _commands() for part in command if re.match(r"fraudstream-\w+:", part)}
    documents = _rendered("fraudstream-dev")
    wanted = {pod["containers"][0]["image"] for pod in pods(documents).values()}
    job = yaml.safe_load(one(documents, "ConfigMap", "-job")["data"]["job.yaml"])
    wanted.add(job["spec"]["template"]["spec"]["containers"][0]["image"])

    assert tags == wanted == {f"fraudstream-{name}:0.1.0" for name in DOCKERFILES}


def test_what_the_page_looks_at_is_what_the_release_has() -> None:
    documents = _rendered("fraudstream-dev")
    named = re.findall(rf"\b(statefulset|service)/({RELEASE}-[\w-]+)", PAGE)

    assert len(named) == 3
    for kind, name in named:
        assert one(documents, {"statefulset": "StatefulSet", "service": "Service"}[kind], name)


def test_every_values_file_is_told_of() -> None:
    assert {path.name for path in K8S.glob("*.yaml")} <= set(re.findall(r"k8s/([\w-]+\.yaml)", PAGE))
