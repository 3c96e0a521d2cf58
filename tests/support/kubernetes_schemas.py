"""JSON schemas for kubeconform, out of what Kubernetes and two operators publish in their Go modules.

Stricter than what they publish: a field that is not described is refused, as the API server does with strict
validation.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.go_tools import module

KUBERNETES = "k8s.io/kubernetes@v1.35.4"
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
KEDA = "github.com/kedacore/keda/v2@v2.17.2"
CUSTOM = (
    (PROMETHEUS, "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"),
    (PROMETHEUS, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
    (KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml"),
    (KEDA, "config/crd/bases/keda.sh_triggerauthentications.yaml"),
)
KEPT = frozenset({
    "$ref", "type", "required", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems",
    "maxItems",
})  # fmt: skip
TEXT_OR_NUMBER = {"oneOf": [{"type": "string"}, {"type": "number"}]}
Schema = dict[str, Any]


def write(directory: Path, wanted: frozenset[tuple[str, str]]) -> None:
    """Write the schemas of these `(apiVersion, kind)`, those that are known, where `location` finds them."""
    for version, kind, schema in (*_built_in(), *_custom()):
        if (version, kind) in wanted:
            group, _, number = version.rpartition("/")
            parts = filter(None, (kind.lower(), group.partition(".")[0], number))
            (directory / f"{'-'.join(parts)}.json").write_text(json.dumps(schema), encoding="utf-8")


def location(directory: Path) -> str:
    """The template for kubeconform's `-schema-location`."""
    return f"{directory}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"


def _built_in() -> Iterator[tuple[str, str, Schema]]:
    file = module(KUBERNETES) / "api" / "openapi-spec" / "swagger.json"
    published = json.loads(file.read_text(encoding="utf-8"))["definitions"]
    definitions = {
        name: TEXT_OR_NUMBER if name.endswith("resource.Quantity") else _strict(schema)
        for name, schema in published.items()
    }
    for name, schema in published.items():
        for known in schema.get("x-kubernetes-group-version-kind", ()):
            version = "/".join(filter(None, (known["group"], known["version"])))
            yield version, known["kind"], {**definitions[name], "definitions": definitions}


def _custom() -> Iterator[tuple[str, str, Schema]]:
    for name, path in CUSTOM:
        spec = yaml.safe_load((module(name) / path).read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            yield f"{spec['group']}/{version['name']}", spec["names"]["kind"], schema


def _strict(schema: Mapping[str, Any]) -> Schema:
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return TEXT_OR_NUMBER
    strict = {key: value for key, value in schema.items() if key in KEPT}
    if isinstance(further := schema.get("additionalProperties"), dict):
        strict["additionalProperties"] = _strict(further)
    if properties := schema.get("properties"):
        strict["properties"] = {name: _strict(property_) for name, property_ in properties.items()}
        open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
        strict.setdefault("additionalProperties", bool(open_ended))
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    return strict
