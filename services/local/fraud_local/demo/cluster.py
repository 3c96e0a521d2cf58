"""Where the demo runs: on an embedded stack of its own, on one that runs, or on a cluster of yours."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fraud_core.cli import overrides
from fraud_core.errors import DemoError
from fraud_core.settings import ENV_PREFIX, load_settings
from fraud_local import addresses
from fraud_local.demo.options import DemoOptions
from fraud_local.stack import Stack, datadir, running
from fraud_local.stack.places import default_data_dir
from fraud_producer.settings import ProducerSettings

COMMAND = "fraudstream demo"
CONNECTIONS = ("KAFKA__", "SCHEMA_REGISTRY__", "SECRETS_DIR")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Cluster:
    """What the parts of the demo need to know of where they run.

    Attributes:
        settings: with the addresses in it.
        environment: for processes of the demo.
        directory: holds logs and reports.
        check: raises StackError when the embedded stack has ended.
    """

    settings: ProducerSettings
    environment: Mapping[str, str]
    directory: Path
    check: Callable[[], None]

    @property
    def logs(self) -> Path:
        """Directory of logs."""
        return self.directory / datadir.LOGS


def place(options: DemoOptions) -> Path:
    """The directory of topics, logs and reports.

    Raises:
        ConfigError: it can't be used.
    """
    directory = (options.data_dir or default_data_dir()).expanduser().resolve()
    datadir.claim(directory)
    return directory


@contextmanager
def cluster(options: DemoOptions, say: Say) -> Iterator[Cluster]:
    """Have a broker and a registry while the block runs.

    Raises:
        StackError: the embedded stack does not start.
        ConfigError: a setting or the data directory can't be used.
        DemoError: another demo runs on the data directory.
    """
    directory = place(options)
    if options.bootstrap_servers and options.schema_registry_url:
        yield _made(options, directory, options.bootstrap_servers, options.schema_registry_url)
        return
    runs = datadir.read_state(directory)
    if runs is None:
        with running(directory, fresh=options.fresh, command=COMMAND, say=say) as stack:
            yield _embedded(options, directory, stack)
        return
    if runs.command == COMMAND or options.fresh:
        raise DemoError(
            f"`{runs.command}` (process {runs.owner}) runs on {directory}. Stop it first, or choose another "
            "directory with --data-dir."
        )
    say(f"Using the stack that runs already, at {runs.bootstrap_servers}.")
    yield _made(options, directory, runs.bootstrap_servers, runs.schema_registry_url, embedded=True)


def _embedded(options: DemoOptions, directory: Path, stack: Stack) -> Cluster:
    addresses = stack.addresses
    return _made(
        options, directory, addresses.bootstrap_servers, addresses.schema_registry_url,
        embedded=True, check=stack.check,
    )  # fmt: skip


def _made(
    options: DemoOptions,
    directory: Path,
    brokers: str,
    registry: str,
    *,
    embedded: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Cluster:
    (directory / datadir.LOGS).mkdir(parents=True, exist_ok=True)
    theirs = overrides(kafka__bootstrap_servers=brokers, schema_registry__url=registry)
    settings = load_settings(
        ProducerSettings,
        **(addresses.embedded(brokers, registry) if embedded else theirs),
        **overrides(topics__prefix=options.topic_prefix),
    )
    return Cluster(settings, _environment(embedded=embedded), directory, check)


def _environment(*, embedded: bool) -> Mapping[str, str]:
    """The user's own; on the embedded stack without what says how to reach another cluster."""
    foreign = tuple(ENV_PREFIX + part for part in CONNECTIONS) if embedded else ()
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}
