"""`fraudstream bench images` where there is nothing to measure."""

from pathlib import Path

import pytest

from fraud_core.errors import ConfigError, UnavailableError
from fraud_local.bench.images import measure


def test_without_docker_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnavailableError, match="There is no docker on the path"):
        measure("0.1.0", 1)


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        (
            "Error response from daemon: No such image: x",
            ConfigError,
            "There is no image fraudstream-producer:0",
        ),
        ("Cannot connect to the Docker daemon.", UnavailableError, "Cannot connect to the Docker daemon"),
        ("", UnavailableError, "it says nothing"),
    ],
)
def test_what_docker_complains_of_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, error: type[Exception], message: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n", encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(error, match=message):
        measure("0", 1)
