"""The Avro schemas of `schemas/*.avsc`, the only truth about what is on a topic."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fraud_core.errors import SchemaError

_CHECKOUT = Path(__file__).parents[3] / "schemas"


@cache
def schema_text(name: str) -> str:
    """Text of `schemas/<name>.avsc`.

    Raises:
        SchemaError: the installation lacks the file.
    """
    for folder in (files("fraud_core") / "schemas", _CHECKOUT):
        file = folder / f"{name}.avsc"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise SchemaError(f"The schema {name}.avsc is not part of this installation; install the package again.")


@cache
def _parsed(name: str) -> str:
    return json.dumps(json.loads(schema_text(name)))


def schema(name: str) -> dict[str, Any]:
    """The schema as a fresh dictionary, for whoever changes it."""
    parsed: dict[str, Any] = json.loads(_parsed(name))
    return parsed


def field_names(name: str) -> tuple[str, ...]:
    """Names of the record's fields, in order."""
    return tuple(field["name"] for field in schema(name)["fields"])


@cache
def feature_names() -> tuple[str, ...]:
    """Names of the features in the order of `Decision.features`: the rows of every matrix of features."""
    features = next(field for field in schema("Decision")["fields"] if field["name"] == "features")
    return tuple(field["name"] for field in features["type"]["fields"])
