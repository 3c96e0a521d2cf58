"""Manifests held against schemas by kubeconform."""

import subprocess
from pathlib import Path

from tests.support import kubernetes_schemas
from tests.support.go_tools import tool


def conform(schemas: Path, manifests: str) -> subprocess.CompletedProcess[str]:
    """What kubeconform says of manifests, by the schemas of a directory."""
    location = kubernetes_schemas.location(schemas)
    return subprocess.run(
        [tool("kubeconform"), "-strict", "-summary", "-schema-location", location],
        input=manifests,
        check=False,
        capture_output=True,
        text=True,
    )
