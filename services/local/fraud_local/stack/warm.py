"""Makes Java's start-up caches, once after a download: with them both servers start in half the time."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fraud_core.errors import StackError
from fraud_local.stack import broker, java, ports, registry
from fraud_local.stack.download import Say, storing
from fraud_local.stack.locks import held
from fraud_local.stack.places import ServerPlaces
from fraud_local.stack.service import Service

# Writing a cache at the end of a process takes a slow machine its time.
GRACE_S = 180.0


def aot_path(jars: Path) -> Path:
    """Where the start-up cache of a component is; a cache fits one Java only."""
    return jars.with_name(f"{jars.name}-java-{java.VERSION}.aot")


def ensure(cache: Path, jars: dict[str, Path], say: Say) -> None:
    """Make what is missing. A failure is told and costs a slower start, nothing else.

    Raises:
        StackError: the cache directory can't be written.
    """
    if all(aot_path(place).exists() for place in jars.values()):
        return
    with storing(cache), held(cache / "lock", wait=True):
        if all(aot_path(place).exists() for place in jars.values()):
            return  # another process has just made them
        say("Preparing the broker and the registry for quick starts, this once, which takes some seconds.")
        with tempfile.TemporaryDirectory(
            prefix="download-", dir=cache, ignore_cleanup_errors=True
        ) as scratch:
            try:
                _make(Path(scratch), jars)
            except StackError as error:
                say(f"They start without preparation, a little slower, because it failed: {error}")


def _make(scratch: Path, jars: dict[str, Path]) -> None:
    places = {key: _places(scratch / key, jars[key]) for key in jars}
    with _running(places) as port:
        registry.configure(places["registry"], port)
    for key, made in places.items():
        if not made.aot.exists():
            raise StackError(f"Java wrote no cache; see {made.log}")
        made.aot.replace(aot_path(jars[key]))


def _places(home: Path, jars: Path) -> ServerPlaces:
    (home / "tmp").mkdir(parents=True)
    return ServerPlaces(jars=jars, aot=home / "new.aot", home=home, log=home / "log")


@contextmanager
def _running(places: dict[str, ServerPlaces]) -> Iterator[int]:
    """Run both once, writing their caches when they end; yields the registry's port."""
    port, controller, registry_port = ports.several_free(3)
    write = {key: java.write(place.aot) for key, place in places.items()}
    plans = (
        broker.plan(places["broker"], port, controller, aot=write["broker"]),
        registry.plan(places["registry"], registry_port, aot=write["registry"]),
    )
    services = [Service(replace(plan, grace_s=GRACE_S)) for plan in plans]
    try:
        for service in services:
            service.launch()
        for service in services:
            service.await_ready()
        yield registry_port
        for service in services:
            service.ask_to_stop()
        for service in services:
            service.stop()
    finally:
        for service in services:
            service.kill()
