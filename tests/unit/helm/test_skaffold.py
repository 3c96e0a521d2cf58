"""skaffold.yaml held against its published schema, the chart, k8s/ and the images, without Skaffold."""

import json
import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml

from fraud_core.settings import CoreSettings, load_settings
from fraud_local.try_cli import app as try_app
from tests.support.chart import CHART, NAMESPACE, RELEASE, manifests, one
from tests.support.go_tools import ROOT, module, waits_for_builds
from tests.support.images import DOCKERFILES, stages

pytestmark = waits_for_builds
SKAFFOLD = "github.com/GoogleContainerTools/skaffold/v2@v2.16.1"
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
PROFILES = [None, *(profile["name"] for profile in CONFIG["profiles"])]
SCHEMA_VERSION = CONFIG["apiVersion"].partition("/")[2]
each = pytest.mark.parametrize("profile", PROFILES)


def with_profile(name: str | None) -> dict[str, Any]:
    """The configuration with the patches of a profile, as JSON Patch has them."""
    found = deepcopy(CONFIG)
    patches = [
        patch for profile in CONFIG["profiles"] if profile["name"] == name for patch in profile["patches"]
    ]
    for patch in patches:
        *path, last = patch["path"].strip("/").split("/")
        place: Any = found
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        key = int(last) if isinstance(place, list) else last
        if patch["op"] == "remove":
            del place[key]
        else:
            assert patch["op"] != "replace" or place[key] is not None
            place[key] = patch["value"]
    return found


def releases(profile: str | None) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in with_profile(profile)["deploy"]["helm"]["releases"]}


@each
def test_skaffolds_own_schema_takes_it(profile: str | None) -> None:
    file = module(SKAFFOLD) / "docs-v2" / "content" / "en" / "schemas" / f"{SCHEMA_VERSION}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))

    faults = [
        f"{'/'.join(map(str, fault.path))}: {fault.message}"
        for fault in jsonschema.Draft7Validator(schema).iter_errors(with_profile(profile))
    ]

    assert faults == []


def test_every_image_is_built_of_a_dockerfile_of_ours_under_its_own_name() -> None:
    built = {artifact["image"]: artifact["docker"]["dockerfile"] for artifact in CONFIG["build"]["artifacts"]}

    assert built == {f"fraudstream-{name}": str(path.relative_to(ROOT)) for name, path in DOCKERFILES.items()}
    for image, file in built.items():
        assert f'title="{image}"' in " ".join(
            stages((ROOT / file).read_text(encoding="utf-8"))[-1].all("LABEL")
        )


def test_the_walk_through_installs_the_same_version_of_redpandas_chart() -> None:
    page = (ROOT / "k8s" / "README.md").read_text(encoding="utf-8")

    installed = re.findall(r"helm install redpanda redpanda/redpanda(?: --version (\S+))?", page)

    assert installed == [releases(None)["redpanda"]["version"]] * 2


@each
def test_every_file_is_there(profile: str | None) -> None:
    for release in releases(profile).values():
        for file in [*release["valuesFiles"], release.get("chartPath", "helm")]:
            assert (ROOT / file).exists()


@each
def test_every_value_is_one_of_the_chart(profile: str | None) -> None:
    ours = releases(profile)[RELEASE]
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    names = [*ours["setValueTemplates"], *ours.get("setValues", {})]
    for name in names:
        found = values
        for part in name.split("."):
            found = found[part]
    assert len(names) >= 8


def test_what_is_built_is_what_is_deployed() -> None:
    templates = releases(None)[RELEASE]["setValueTemplates"]
    services = {name.split(".")[0] for name in templates}

    assert services == set(DOCKERFILES)
    for service in services:
        assert templates[f"{service}.image.repository"] == f"{{{{.IMAGE_REPO_fraudstream_{service}}}}}"
        assert templates[f"{service}.image.tag"] == f"{{{{.IMAGE_TAG_fraudstream_{service}}}}}"


def test_the_chart_takes_a_repository_and_a_tag_for_each_image() -> None:
    flags = [
        flag
        for service in DOCKERFILES
        for flag in (
            "--set",
            f"{service}.image.repository=r/{service}",
            "--set",
            f"{service}.image.tag=t-{service}",
        )
    ]

    documents = manifests(*flags, "--set", "producer.enabled=true")

    assert set(_images(documents)) == {f"r/{service}:t-{service}" for service in DOCKERFILES}


@each
def test_redpanda_is_pinned_and_there_before_ours(profile: str | None) -> None:
    found = releases(profile)

    assert list(found) == ["redpanda", RELEASE]
    assert found["redpanda"]["version"].count(".") == 2
    assert found["redpanda"]["wait"] is True
    assert found[RELEASE]["dependsOn"] == ["redpanda"]
    assert {release["namespace"] for release in found.values()} == {NAMESPACE}


@each
def test_what_is_forwarded_is_there(profile: str | None) -> None:
    files = [
        flag for file in releases(profile)[RELEASE]["valuesFiles"] for flag in ("--values", str(ROOT / file))
    ]
    documents = manifests(*files)

    for forwarded in with_profile(profile).get("portForward", ()):
        if forwarded["resourceName"].startswith(RELEASE):
            service = one(documents, "Service", forwarded["resourceName"])
            assert forwarded["port"] in {port["port"] for port in service["spec"]["ports"]}


@pytest.mark.parametrize("page", ["skaffold.yaml", "k8s/README.md"])
def test_what_is_verified_is_said_to_be_what_was_built(page: str) -> None:
    """Verify looks for the images of its own file under the tags that it is given, and builds none."""
    text = (ROOT / page).read_text(encoding="utf-8")

    [line] = [line for line in text.splitlines() if "skaffold verify -p" in line]
    build, deploy, verify = (shlex.split(part) for part in line.lstrip("# ").split(" && "))
    assert build == ["skaffold", "build", "-p", "ci", "--file-output=build.json"]
    assert deploy == ["skaffold", "deploy", "-p", "ci", "-a", "build.json"]
    assert verify == ["skaffold", "verify", "-p", "ci", "-a", "build.json"]


def test_what_is_verified_is_a_command_of_the_image_with_settings_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [case] = CONFIG["verify"]
    command, *arguments = case["container"]["args"]
    for variable in case["container"]["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])

    settings = load_settings(CoreSettings)

    dev = yaml.safe_load((ROOT / "k8s" / "fraudstream-dev.yaml").read_text(encoding="utf-8"))
    assert command == "try"
    assert (
        typer.main.get_command(try_app).make_context(command, arguments).params["user"] == "skaffold-verify"
    )
    assert settings.schema_registry.url == dev["schemaRegistry"]["url"]
    assert case["container"]["image"] == "fraudstream-detector"


def _images(documents: list[dict[str, Any]]) -> Iterator[str]:
    for document in documents:
        spec = document.get("spec", {})
        pod = spec.get("template", {}).get("spec", spec)
        for container in pod.get("containers", ()):
            yield container["image"]
        if document["kind"] == "ConfigMap" and "job.yaml" in document["data"]:
            yield from _images([yaml.safe_load(document["data"]["job.yaml"])])
