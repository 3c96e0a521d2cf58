"""What an API server does with a FraudModel, as far as it can be done without one: defaults, schema, CEL."""

from collections.abc import Iterator, Mapping
from typing import Any

import cel
import jsonschema

from fraud_operator.api.crd import crd

Document = dict[str, Any]
QUANTITY_OR_NUMBER = "x-kubernetes-int-or-string"


def schema() -> Document:
    """The schema of the CRD's one version."""
    [version] = crd()["spec"]["versions"]
    found: Document = version["schema"]["openAPIV3Schema"]
    return found


def nodes(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every node of a schema below and with this one, by its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(child := node.get(key), dict):
            yield from nodes(child, path + mark)


def defaulted(value: Any, node: Mapping[str, Any]) -> Any:
    """The value with the schema's defaults, as the server stores it."""
    if isinstance(value, dict):
        found = dict(value)
        for name, child in node.get("properties", {}).items():
            if name not in found and "default" in child:
                found[name] = child["default"]
            if name in found:
                found[name] = defaulted(found[name], child)
        return found
    if isinstance(value, list):
        return [defaulted(each, node["items"]) for each in value]
    return value


def faults(document: Document, old: Document | None = None) -> list[str]:
    """Why a server would refuse the document, or the change from an old one; empty if it would not."""
    found = defaulted(document, schema())
    before = defaulted(old, schema()) if old else None
    errors = jsonschema.Draft4Validator(_strict(schema())).iter_errors(found)
    return [error.message for error in errors] or list(_broken(found, before, schema()))


def _strict(node: Mapping[str, Any]) -> Document:
    """Refuses fields that the server would prune, so that a mistyped one is found."""
    strict = {key: value for key, value in node.items() if key not in {"properties", "items"}}
    if "properties" in node:
        strict["properties"] = {name: _strict(child) for name, child in node["properties"].items()}
        strict.setdefault("additionalProperties", False)
    if "items" in node:
        strict["items"] = _strict(node["items"])
    return strict


def _broken(value: Any, old: Any, node: Mapping[str, Any]) -> Iterator[str]:
    """Messages of the rules that do not hold; rules about a change only hold for one."""
    for rule in node.get("x-kubernetes-validations", ()):
        if ("oldSelf" not in rule["rule"] or old is not None) and not holds(rule["rule"], value, old):
            yield rule["message"]
    if isinstance(value, dict):
        for name, child in node.get("properties", {}).items():
            if name in value:
                yield from _broken(value[name], (old or {}).get(name), child)
    elif isinstance(value, list):
        for each in value:
            yield from _broken(each, None, node["items"])


def holds(rule: str, value: Any, old: Any = None) -> bool:
    """Whether a CEL rule holds; of Kubernetes' own functions `isSorted` is known."""
    context = cel.Context({"self": value, "oldSelf": old})
    context.add_function("isSorted", lambda items: list(items) == sorted(items))
    return bool(cel.evaluate(rule, context))
