"""`fraudstream detector`."""

from pathlib import Path
from typing import Annotated

import typer

from fraud_core import log
from fraud_core.cli import (
    BootstrapServers,
    HttpPort,
    LogFormat,
    LogLevel,
    SchemaRegistryUrl,
    TopicPrefix,
    overrides,
)
from fraud_core.settings import load_settings
from fraud_core.shutdown import on_signals
from fraud_detector.settings import DetectorSettings

app = typer.Typer(add_completion=False)


@app.command()
def detector(
    pipeline: Annotated[str | None, typer.Option(help="Consumer group and name of the detector.")] = None,
    worker: Annotated[
        str | None,
        typer.Option(help="Stable name of this process; each needs its own. Default: the host's name."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="YAML file of rules. Default: the tutorial's three.")
    ] = None,
    model_url: Annotated[str | None, typer.Option(help="Address of the model bundle.")] = None,
    model_sha256: Annotated[str | None, typer.Option(help="Digest of the model bundle.")] = None,
    errors_tolerance: Annotated[
        str | None,
        typer.Option(metavar="none|all", help="all: bad records go to the dead letters; none: stop there."),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
    http_port: HttpPort = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print all settings, secrets masked, and end.")
    ] = False,
) -> None:
    """Decide transactions, exactly once, until SIGTERM or Ctrl-C.

    Every setting can also be given as an environment variable: FRAUD_ and its path, with __ between the
    levels, as in FRAUD_ERRORS__TOLERANCE. Flags win.
    """
    settings = load_settings(
        DetectorSettings,
        **overrides(
            pipeline=pipeline,
            worker=worker,
            rules=rules,
            model__url=model_url,
            model__sha256=model_sha256,
            errors__tolerance=errors_tolerance,
            kafka__bootstrap_servers=bootstrap_servers,
            schema_registry__url=schema_registry_url,
            topics__prefix=topic_prefix,
            http__port=http_port,
            log__format=log_format,
            log__level=log_level,
        ),
    )
    if print_config:
        typer.echo(settings.model_dump_json(indent=2))
        return
    log.configure(settings.log)
    # Imported late: `--help` and `--print-config` need neither numba nor scikit-learn.
    from fraud_detector.collector import collect_rarely  # noqa: PLC0415
    from fraud_detector.profiling import on_demand  # noqa: PLC0415
    from fraud_detector.worker import run  # noqa: PLC0415

    collect_rarely()
    with on_demand(settings.profile), on_signals() as asked:
        run(settings, asked.stop)
