"""Writes `artefacts.json`: resolves the pinned versions once, so that no user's machine has to.

For developers, after a change of a version below: `python -m fraud_local.stack.pin`.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from jgo.maven import MavenContext

from fraud_local.stack.artefacts import MANIFEST

KAFKA = "4.4.0"
LOG4J = "2.25.5"
# 3.0.9 is a third smaller than 3.3 and all of it that we use is the same.
APICURIO = "3.0.9"

# "!" keeps a root's own dependencyManagement out of the others': else log4j's brings an old kafka-clients.
BROKER_ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}!",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}!",
)
REGISTRY = ("io.apicurio", "apicurio-registry-app", APICURIO)


def main() -> None:
    """Resolve, download into a throw-away directory, measure and write."""
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch), timeout=60)
        pinned = {
            "broker": {"name": "Apache Kafka", "version": KAFKA, "artefacts": _broker(context)},
            "registry": {"name": "Apicurio Registry", "version": APICURIO, "artefacts": _registry(context)},
        }
    MANIFEST.write_text(json.dumps(pinned, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"Wrote {MANIFEST}\n")


def _broker(context: MavenContext) -> list[dict[str, Any]]:
    roots = [context.create_dependency(root) for root in BROKER_ROOTS]
    inputs, transitive = context.resolver.resolve(roots)
    jars = [dependency.artifact for dependency in (*inputs, *transitive)]
    return sorted((_measured(jar) for jar in jars), key=lambda jar: jar["file"])


def _registry(context: MavenContext) -> list[dict[str, Any]]:
    group, name, version = REGISTRY
    component = context.project(group, name).at_version(version)
    return [_measured(component.artifact(classifier="all", packaging="tar.gz"))]


def _measured(artifact: Any) -> dict[str, Any]:  # noqa: ANN401 - jgo publishes no types
    path = artifact.resolve()
    parts = (artifact.groupId, artifact.artifactId, artifact.version, artifact.packaging, artifact.classifier)
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {
        "coordinate": ":".join(parts),
        "file": path.name,
        "size": path.stat().st_size,
        "sha256": digest,
    }


if __name__ == "__main__":
    main()
