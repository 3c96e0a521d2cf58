"""Apache Kafka as a single node: its settings, its storage and its command line."""

import base64
import shutil
import uuid
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from fraud_core.errors import StackError
from fraud_local.stack import java
from fraud_local.stack.artefacts import components
from fraud_local.stack.listeners import Listener, properties
from fraud_local.stack.places import ServerPlaces
from fraud_local.stack.ports import HOST
from fraud_local.stack.process import Process, last_lines
from fraud_local.stack.service import Plan

TEMPLATES = Path(__file__).parent
SETTINGS = "server.properties"
LOGGING = "log4j2.properties"
# Where records are: log.dirs of the settings.
RECORDS = "data"
# Written last, so that storage which a crash left half formatted is made anew.
FORMATTED = "formatted"
HEAP_MB = 640
FORMAT_HEAP_MB = 128
ANSWER_S = 0.5


def plan(
    places: ServerPlaces,
    port: int,
    controller_port: int,
    *,
    aot: tuple[str, ...] | None = None,
    listeners: Iterable[Listener] = (),
) -> Plan:
    """How to run a broker on `port` with its data in `places.home`.

    Args:
        places: Its files.
        port: Where clients reach it.
        controller_port: Where it reaches itself.
        aot: Options that replace the use of the start-up cache.
        listeners: Further ways in.
    """
    where = properties(port, controller_port, listeners)
    options = java.use(places.aot) if aot is None else aot
    return Plan(
        title=components()["broker"].title,
        command=(*_java(places, HEAP_MB, options), "kafka.Kafka", SETTINGS),
        directory=places.home,
        log=places.log,
        answers=partial(answers, f"{HOST}:{port}"),
        prepare=partial(_prepare, places, where, controller_port),
    )


def answers(bootstrap_servers: str) -> bool:
    """Whether a broker is registered and serves metadata there."""
    quiet = {
        "log_level": 0,
        "socket.timeout.ms": 2000,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 50,
    }
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, **quiet})
    try:
        return bool(admin.list_topics(timeout=ANSWER_S).brokers)
    except KafkaException:
        return False


def _java(places: ServerPlaces, heap_mb: int, aot: tuple[str, ...]) -> tuple[str, ...]:
    class_path = ":".join(str(places.jars / one.file) for one in components()["broker"].artefacts)
    start = java.command(heap_mb=heap_mb, temporary=places.home / "tmp", aot=aot)
    return (*start, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", class_path)


def _prepare(places: ServerPlaces, listeners: str, controller_port: int) -> None:
    """Write the settings, and format the storage if it is new."""
    home = places.home
    shutil.rmtree(home / "tmp", ignore_errors=True)
    (home / "tmp").mkdir(parents=True)
    settings = (TEMPLATES / "broker.properties").read_text(encoding="ascii")
    settings = settings.replace("@LISTENERS@", listeners).replace("@CONTROLLER_PORT@", str(controller_port))
    (home / SETTINGS).write_text(settings, encoding="ascii")
    shutil.copyfile(TEMPLATES / "broker.log4j2.properties", home / LOGGING)
    if not (home / FORMATTED).exists():
        _format(places)


def _format(places: ServerPlaces) -> None:
    """Let Kafka itself format: a hand-written meta.properties would leave transactions at version 0."""
    shutil.rmtree(places.home / RECORDS, ignore_errors=True)
    command = (
        *_java(places, FORMAT_HEAP_MB, java.use(places.aot)),
        "kafka.tools.StorageTool",
        *("format", "-t", _cluster_id(), "-c", SETTINGS),
    )
    log = places.log.with_name("format.log")
    status = Process(command, directory=places.home, log=log).wait()
    if status != 0:
        raise StackError(
            f"The broker's storage in {places.home} could not be made (exit status {status}). "
            f"Is there room? The log, {log}, ends with:\n{last_lines(log)}"
        )
    (places.home / FORMATTED).touch()


def _cluster_id() -> str:
    """A random id in Kafka's own notation, whose first letter must not look like an option's."""
    return "F" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
