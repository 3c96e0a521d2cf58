"""`kubectl get fm`, from the columns of the CRD as a server makes it, and what `describe` shows."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from fraud_operator.api.crd import COLUMNS
from fraud_operator.planning import Model

CONDITION = re.compile(r"\.status\.conditions\[\?\(@\.type==\"(\w+)\"\)\]\.(\w+)")


def table(models: Iterable[tuple[str, Model]]) -> str:
    """What `kubectl get fm` prints, without the age."""
    names = [name for name, path, _ in COLUMNS if path != ".metadata.creationTimestamp"]
    rows = [["NAME", *(name.upper() for name in names)]]
    rows += [[name, *_cells(model)] for name, model in models]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def described(model: Model) -> str:
    """The status, as YAML."""
    return yaml.safe_dump(model.status.to_manifest(), sort_keys=True, width=100, allow_unicode=True)


def _cells(model: Model) -> list[str]:
    document = {"status": model.status.to_manifest()}
    paths = [path for _, path, _ in COLUMNS if path != ".metadata.creationTimestamp"]
    return [str(found) if (found := _at(document, path)) is not None else "" for path in paths]


def _at(document: dict[str, Any], path: str) -> Any:
    if found := CONDITION.fullmatch(path):
        conditions = document["status"].get("conditions", [])
        return next((one[found[2]] for one in conditions if one["type"] == found[1]), None)
    value: Any = document
    for name in path.strip(".").split("."):
        value = value.get(name) if value is not None else None
    return value
