"""Apicurio Registry with a file of its own, so that schemas survive even a kill."""

import shutil
from functools import partial
from pathlib import Path

import httpx2

from fraud_core.errors import StackError
from fraud_local.stack import java
from fraud_local.stack.artefacts import components
from fraud_local.stack.places import ServerPlaces
from fraud_local.stack.ports import HOST
from fraud_local.stack.service import Plan

# The part of its interface that clients of Confluent's registry understand.
API = "/apis/ccompat/v7"
# What Confluent and Redpanda start with; Apicurio starts with no check at all.
COMPATIBILITY = "BACKWARD"
CONFIGURED = "configured"
HEAP_MB = 256
ANSWER_S = 2.0
# Without a write delay, what was answered is on disk, and a kill loses nothing.
SETTINGS = (
    "-Dquarkus.banner.enabled=false",
    "-Dquarkus.http.access-log.enabled=false",
    "-Dquarkus.log.level=WARN",
    # It logs its start in ten lines of INFO, whatever the level above it.
    '-Dquarkus.log.category."io.apicurio".level=WARN',
    "-Dapicurio.storage.kind=sql",
    "-Dapicurio.storage.sql.kind=h2",
    "-Dapicurio.datasource.url=jdbc:h2:file:./schemas;WRITE_DELAY=0",
    "-Dapicurio.ccompat.max-subjects=100000",
)


def url(port: int) -> str:
    """The URL that clients of Confluent's registry are given."""
    return f"http://{HOST}:{port}{API}"


def plan(places: ServerPlaces, port: int, *, aot: tuple[str, ...] | None = None) -> Plan:
    """How to run a registry on `port` with its data in `places.home`.

    Args:
        places: Its files.
        port: Where clients reach it.
        aot: Options that replace the use of the start-up cache.
    """
    component = components()["registry"]
    options = java.use(places.aot) if aot is None else aot
    listen = (f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={port}")
    jar = places.jars / f"apicurio-registry-app-{component.version}-runner.jar"
    start = java.command(heap_mb=HEAP_MB, temporary=places.home / "tmp", aot=options)
    return Plan(
        title=component.title,
        command=(*start, *listen, *SETTINGS, "-jar", str(jar)),
        directory=places.home,
        log=places.log,
        answers=partial(answers, url(port)),
        prepare=partial(_prepare, places.home),
    )


def answers(address: str) -> bool:
    """Whether a registry serves its list of subjects there."""
    try:
        return httpx2.get(f"{address}/subjects", timeout=ANSWER_S, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


def configure(places: ServerPlaces, port: int) -> None:
    """Once for new data, set the compatibility that other registries start with.

    Raises:
        StackError: the registry refuses.
    """
    if (places.home / CONFIGURED).exists():
        return
    try:
        wanted = {"compatibility": COMPATIBILITY}
        answer = httpx2.put(f"{url(port)}/config", json=wanted, timeout=10, trust_env=False)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        raise StackError(
            f"The registry's compatibility could not be set: {error}. Its log is {places.log}."
        ) from error
    (places.home / CONFIGURED).touch()


def _prepare(home: Path) -> None:
    shutil.rmtree(home / "tmp", ignore_errors=True)
    (home / "tmp").mkdir(parents=True)
