"""`fraudstream operator`."""

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
from fraud_operator.settings import OperatorSettings

app = typer.Typer(add_completion=False)


@app.command()
def operator(
    namespace: Annotated[
        str | None, typer.Option(help="Whose FraudModels are served. Default: the pod's own.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option(help="The detectors' consumer group.")] = None,
    job_template: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Job that trains, as the chart renders it.")
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
    http_port: HttpPort = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
) -> None:
    """Train and roll out what FraudModels ask for, until SIGTERM or Ctrl-C.

    Runs in a cluster, with its pod's service account, or beside one, with KUBECONFIG. A pipeline has one: a
    second one takes over, and the first one ends.
    """
    settings = load_settings(
        OperatorSettings,
        **overrides(
            namespace=namespace,
            pipeline=pipeline,
            job_template=job_template,
            kafka__bootstrap_servers=bootstrap_servers,
            schema_registry__url=schema_registry_url,
            topics__prefix=topic_prefix,
            http__port=http_port,
            log__format=log_format,
            log__level=log_level,
        ),
    )
    log.configure(settings.log)
    from fraud_operator.service import run  # noqa: PLC0415 - `--help` needs no kopf

    run(settings)
