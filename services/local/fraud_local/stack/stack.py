"""The embedded stack as a context manager: a broker and a registry for as long as the block runs."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fraud_core.errors import StackError
from fraud_local.stack import broker, datadir, download, locks, ports, registry, warm
from fraud_local.stack.artefacts import components
from fraud_local.stack.datadir import State
from fraud_local.stack.download import Say
from fraud_local.stack.listeners import Listener
from fraud_local.stack.places import ServerPlaces, cache_dir, default_data_dir
from fraud_local.stack.service import Service

STARTING = ".starting"


@dataclass(frozen=True)
class Addresses:
    """Where clients reach a stack; the URL is one for clients of Confluent's registry."""

    bootstrap_servers: str
    schema_registry_url: str


@dataclass(frozen=True)
class Stack:
    """A running broker and registry, each of which can be stopped, killed and started by itself."""

    addresses: Addresses
    broker: Service
    registry: Service
    data_dir: Path
    logs: Path

    def check(self) -> None:
        """Do nothing while both run.

        Raises:
            StackError: one has ended; carries the last lines of its log.
        """
        self.broker.check()
        self.registry.check()


def say_on_stderr(message: str) -> None:
    """Tell a person, without touching what a command answers on standard output."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


@contextmanager
def running(
    data_dir: Path | None = None,
    *,
    fresh: bool = False,
    ephemeral: bool = False,
    broker_port: int | None = None,
    registry_port: int | None = None,
    listeners: Sequence[Listener] = (),
    command: str | None = None,
    say: Say = say_on_stderr,
) -> Iterator[Stack]:
    """Run a broker and a registry while the block runs; downloads them on the first use of a machine.

    They end with this process however it ends. Ctrl-C does not reach them: they serve until the block ends.

    Args:
        data_dir: Keeps topics and schemas between runs; None is the user's own data directory.
        fresh: Delete topics and schemas first.
        ephemeral: Use a temporary directory, deleted afterwards, instead of `data_dir`.
        broker_port: None takes 9092, or a free port if that is taken; 0 any free one; else exactly this.
        registry_port: The same, for 8081.
        listeners: Further ways into the broker.
        command: What `fraudstream stack status` calls this process; None is its command line.
        say: Told what takes long or differs from what people expect.

    Raises:
        StackError: something can't be downloaded, does not start, or another stack has the directory.
        ConfigError: the directory can't be used.
    """
    with ExitStack() as held:
        if ephemeral:
            data_dir = Path(held.enter_context(_temporary()))
        directory = (data_dir or default_data_dir()).expanduser().resolve()
        datadir.claim(directory)  # before a long download
        jars = prepared(say)
        with _storing(directory):
            lock = held.enter_context(datadir.owned(directory))
            if fresh:
                datadir.wipe(directory)
            # One stack at a time, or two that start together would choose the same ports.
            with locks.held(cache_dir() / STARTING, wait=True):
                broker_port = ports.choose("broker", ports.BROKER, broker_port, "--port", say)
                registry_port = ports.choose(
                    "registry", ports.REGISTRY, registry_port, "--registry-port", say
                )
                stack = _started(held, directory, jars, broker_port, registry_port, lock, listeners, command)
        yield stack


def prepared(say: Say) -> dict[str, Path]:
    """Directories of the broker's and the registry's jars, after all that a first use needs.

    Raises:
        StackError: something can't be fetched or stored.
    """
    cache = cache_dir()
    with download.storing(cache):
        cache.mkdir(parents=True, exist_ok=True)
    jars = download.ensure(cache, components(), say)
    warm.ensure(cache, jars, say)
    return jars


def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fraudstream-stack-", ignore_cleanup_errors=True)


@contextmanager
def _storing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StackError(
            f"Can't keep the stack's data in {directory}: {error.strerror or error}. "
            "Make room there, or choose another directory with --data-dir."
        ) from error


def _started(
    held: ExitStack,
    directory: Path,
    jars: dict[str, Path],
    broker_port: int,
    registry_port: int,
    lock: int,
    listeners: Sequence[Listener],
    command: str | None,
) -> Stack:
    """Start both at once: the registry takes longer, and needs no broker."""
    places = _places(directory, jars)
    (controller_port,) = ports.several_free(1)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    name = command or " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])

    def changed() -> None:
        """Tell others of a server that was stopped or started by itself."""
        datadir.update_state(directory, _state(stack, name, started_at))

    stack = Stack(
        Addresses(f"{ports.HOST}:{broker_port}", registry.url(registry_port)),
        Service(
            broker.plan(places["broker"], broker_port, controller_port, listeners=listeners), lock, changed
        ),
        Service(registry.plan(places["registry"], registry_port), lock, changed),
        directory,
        directory / datadir.LOGS,
    )
    held.callback(_stop, stack)
    stack.registry.launch()
    stack.broker.start()
    stack.registry.await_ready()
    registry.configure(places["registry"], registry_port)
    datadir.write_state(directory, _state(stack, name, started_at))
    return stack


def _places(directory: Path, jars: dict[str, Path]) -> dict[str, ServerPlaces]:
    logs = directory / datadir.LOGS
    logs.mkdir(parents=True, exist_ok=True)
    return {
        key: ServerPlaces(place, warm.aot_path(place), home=directory / key, log=logs / f"{key}.log")
        for key, place in jars.items()
    }


def _state(stack: Stack, command: str, started_at: str) -> State:
    owner, owner_started = datadir.me()
    return State(
        owner=owner,
        owner_started=owner_started,
        command=command,
        bootstrap_servers=stack.addresses.bootstrap_servers,
        schema_registry_url=stack.addresses.schema_registry_url,
        broker_pid=stack.broker.pid,
        registry_pid=stack.registry.pid,
        broker_version=components()["broker"].title,
        registry_version=components()["registry"].title,
        started_at=started_at,
    )


def _stop(stack: Stack) -> None:
    datadir.forget_state(stack.data_dir)
    for service in (stack.registry, stack.broker):
        service.ask_to_stop()
    for service in (stack.registry, stack.broker):
        service.stop()
