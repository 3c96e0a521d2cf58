"""What the commands of all services share: common options, and errors as one message without a trace."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from fraud_core.errors import FraudstreamError

INTERRUPTED = 130
TERMINATED = 143

BootstrapServers = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT,…", help="Kafka brokers. (env FRAUD_KAFKA__BOOTSTRAP_SERVERS)"),
]
SchemaRegistryUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Schema registry. (env FRAUD_SCHEMA_REGISTRY__URL)")
]
TopicPrefix = Annotated[
    str | None,
    typer.Option(help="Before every topic's name but the input's. (env FRAUD_TOPICS__PREFIX)"),
]
LogFormat = Annotated[
    str | None,
    typer.Option(metavar="json|console", help="Log lines for machines or people. (env FRAUD_LOG__FORMAT)"),
]
LogLevel = Annotated[
    str | None, typer.Option(metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR. (env FRAUD_LOG__LEVEL)")
]
HttpPort = Annotated[
    int | None, typer.Option(help="Port of /health and /metrics, 0 for any free one. (env FRAUD_HTTP__PORT)")
]


def overrides(**values: str | float | Path | None) -> dict[str, Any]:
    """Nested settings from flat flags: `log__level="INFO"` -> `{"log": {"level": "INFO"}}`.

    Flags that were not given (None) are left to the environment.
    """
    nested: dict[str, Any] = {}
    for path, value in values.items():
        if value is None:
            continue
        *sections, name = path.split("__")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return nested


def run(app: typer.Typer) -> NoReturn:
    """Run a command line; errors of ours become one message on standard error and their exit code."""
    # A container's first process gets no default handlers from the kernel: without one, SIGTERM would be lost
    # until the command has set its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except FraudstreamError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except SystemError as error:
        # That is what a C library makes of a Ctrl-C that comes while it calls back.
        if isinstance(error.__cause__, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        raise
    sys.exit(0)
