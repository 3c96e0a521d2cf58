"""`fraudstream setup`."""

from typing import Annotated

import typer

from fraud_core import log
from fraud_core.cli import BootstrapServers, LogFormat, SchemaRegistryUrl, TopicPrefix, overrides
from fraud_core.rollouts.first import first_rollout, taken_over
from fraud_core.settings import load_settings
from fraud_core.setup import SetupSettings, claimed
from fraud_core.setup import setup as run_setup

app = typer.Typer(add_completion=False)


@app.command()
def setup(
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
    pipeline: Annotated[
        str | None, typer.Option(help="Pipeline that gets its first rollout. (env FRAUD_PIPELINE)")
    ] = None,
    baseline_url: Annotated[
        str | None,
        typer.Option(metavar="PATH|URL", help="Bundle that decides at first. (env FRAUD_BASELINE__URL)"),
    ] = None,
    baseline_sha256: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Its digest. (env FRAUD_BASELINE__SHA256)")
    ] = None,
    log_format: LogFormat = None,
) -> None:
    """Create the topics, register the schemas, and write the pipeline's first rollout.

    Does only what is missing, and says what it did. Without a baseline the rules decide alone at first. With
    FRAUD_OWNER it first claims pipeline and outputs for that owner, and refuses what another has claimed;
    FRAUD_TAKE_OVER takes that over, and the rollout where a FraudModel of another namespace manages it.
    """
    settings = load_settings(
        SetupSettings,
        **overrides(
            kafka__bootstrap_servers=bootstrap_servers,
            schema_registry__url=schema_registry_url,
            topics__prefix=topic_prefix,
            pipeline=pipeline,
            baseline__url=baseline_url,
            baseline__sha256=baseline_sha256,
            log__format=log_format,
        ),
    )
    log.configure(settings.log)
    changes = claimed(settings)
    changes += run_setup(settings, settings.errors.deadletterqueue.topic)
    changes += first_rollout(settings, settings.pipeline, settings.baseline)
    if settings.owner is not None and settings.take_over:
        changes += taken_over(settings, settings.pipeline, settings.owner)
    for change in changes:
        typer.echo(change)
    if not changes:
        typer.echo("Nothing to do: topics, schemas and rollout are there.")
