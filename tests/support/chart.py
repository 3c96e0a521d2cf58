"""Renders the Helm chart. `python -m tests.support.chart` writes what the golden files hold anew."""

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.go_tools import ROOT, tool

CHART = ROOT / "helm" / "fraudstream"
MATRIX = {path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*-values.yaml"))}
GOLDEN = ROOT / "tests" / "unit" / "helm" / "golden"
RELEASE, NAMESPACE = "fraud", "redpanda"
Manifest = dict[str, Any]


class RefusedError(Exception):
    """Helm would not render; the text is its message."""


def helm(*arguments: str) -> str:
    """What helm prints.

    Raises:
        RefusedError: it failed.
    """
    done = subprocess.run([tool("helm"), *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RefusedError(done.stderr)
    return done.stdout


@cache
def text(*flags: str) -> str:
    """The chart's manifests as Helm prints them."""
    return helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, *flags)


def manifests(*flags: str) -> list[Manifest]:
    """The chart's manifests, in Helm's order."""
    return [document for document in yaml.safe_load_all(text(*flags)) if document]


def of_matrix(name: str) -> list[Manifest]:
    """The manifests for one file of values in the chart's ci/."""
    return manifests("--values", str(MATRIX[name]))


def values(**settings: object) -> tuple[str, ...]:
    """Flags for `--set-json`: `detector__replicas=3`."""
    pairs = (f"{path.replace('__', '.')}={json.dumps(value)}" for path, value in settings.items())
    return tuple(flag for pair in pairs for flag in ("--set-json", pair))


def one(documents: Sequence[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The only manifest of a kind, or of a kind and a name's ending."""
    [found] = [each for each in documents if each["kind"] == kind and _named(each, name)]
    return found


def kinds(documents: Sequence[Manifest]) -> set[str]:
    """The kinds that there are."""
    return {document["kind"] for document in documents}


def pods(documents: Sequence[Manifest]) -> dict[str, Manifest]:
    """Pod specs by the name of their one container: detector, producer, setup, try."""
    found = {}
    for document in documents:
        if document["kind"] in {"StatefulSet", "Deployment", "Job", "Pod"}:
            spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
            [container] = spec["containers"]
            found[container["name"]] = spec
    return found


def golden(name: str) -> Path:
    """The file that holds what is expected for one file of values."""
    return GOLDEN / f"{name}.yaml"


def _named(document: Manifest, ending: str | None) -> bool:
    return ending is None or str(document["metadata"]["name"]).endswith(ending)


def _write_golden() -> None:
    for name, path in MATRIX.items():
        golden(name).write_text(text("--values", str(path)), encoding="utf-8")


if __name__ == "__main__":
    _write_golden()
