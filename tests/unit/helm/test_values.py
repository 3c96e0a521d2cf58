"""values.yaml, its schema and the chart's README say the same."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import yaml

from fraud_core.settings import CoreSettings
from fraud_detector.settings import DetectorSettings
from fraud_producer.settings import ProducerSettings
from tests.support.chart import CHART, NAMESPACE, RELEASE, of_matrix, one
from tests.support.go_tools import tool, waits_for_builds
from tests.support.images import project

pytestmark = waits_for_builds
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
README = (CHART / "README.md").read_text(encoding="utf-8")
OF_HELM = {"global"}


def test_the_readme_is_what_helm_docs_makes_of_the_values() -> None:
    """Write it anew with `.ci/go-tool helm-docs`: `$(.ci/go-tool helm-docs) -c helm -s file`."""
    done = subprocess.run(
        [tool("helm-docs"), "--chart-search-root", str(CHART), "--sort-values-order", "file", "--dry-run"],
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == README.strip()


def test_every_value_is_described() -> None:
    rows = [
        line.split(" | ") for line in README.splitlines() if line.startswith("| ") and line.count(" | ") == 3
    ]
    described = {key.removeprefix("| "): text for key, _, _, text in rows}

    for path in _leaves(VALUES):
        while path not in described and "." in path:
            path = path.rpartition(".")[0]  # noqa: PLW2901 - a section may be described as a whole
        assert len(described[path]) > len(" |") + 5, path


def test_the_schema_knows_every_value_and_no_other() -> None:
    assert set(_schema_sections(SCHEMA)) - OF_HELM == set(_sections(VALUES))


def test_no_section_takes_what_it_does_not_know() -> None:
    for section in _objects(SCHEMA):
        assert section["additionalProperties"] is False


def test_versions_are_those_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

    assert chart["appVersion"] == project()["version"]


def test_defaults_are_those_of_the_services() -> None:
    core, detector, producer = CoreSettings(), DetectorSettings(), ProducerSettings()

    assert VALUES["pipeline"] == detector.pipeline
    assert VALUES["producer"]["pipeline"] == producer.pipeline
    assert VALUES["topics"] == {
        "prefix": core.topics.prefix,
        "transactions": core.topics.transactions,
        "logins": core.topics.logins or "",
        "partitions": core.topics.partitions,
        "replicationFactor": core.topics.replication_factor,
        "maxMessageBytes": core.topics.max_message_bytes,
    }
    assert VALUES["detector"]["service"]["port"] == core.http.port
    assert VALUES["producer"]["terminationGracePeriodSeconds"] > producer.producer.flush_timeout_s


def test_what_stands_in_the_readme_is_how_the_release_is_installed() -> None:
    assert f"helm install {RELEASE} helm/fraudstream -n {NAMESPACE}" in README
    assert one(of_matrix("default"), "StatefulSet")["metadata"]["namespace"] == NAMESPACE


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    return found


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    schema = _resolved(schema)
    if "properties" in schema:
        yield schema
    for property_ in schema.get("properties", {}).values():
        yield from _objects(property_)


def _schema_sections(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of values; what several share, and what takes any object, is one value."""
    for name, property_ in schema.get("properties", {}).items():
        here = f"{path}.{name}".strip(".")
        below = _resolved(property_)
        if "$ref" not in property_ and "properties" in below:
            yield from _schema_sections(below, here)
        else:
            yield here


def _sections(values: dict[str, Any]) -> Iterator[str]:
    known = set(_schema_sections(SCHEMA))
    for path in _leaves(values):
        while path not in known and "." in path:
            path = path.rpartition(".")[0]  # noqa: PLW2901 - what the schema describes as a whole
        yield path


def _leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in values.items():
        here = f"{path}.{name}".strip(".")
        if isinstance(value, dict) and value:
            yield from _leaves(value, here)
        else:
            yield here
