"""`fraudstream setup`."""

import typer

from fraud_core import log
from fraud_core.cli import BootstrapServers, LogFormat, SchemaRegistryUrl, TopicPrefix, overrides
from fraud_core.settings import load_settings
from fraud_core.setup import SetupSettings
from fraud_core.setup import setup as run_setup

app = typer.Typer(add_completion=False)


@app.command()
def setup(
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
    log_format: LogFormat = None,
) -> None:
    """Create the topics and register the schemas; does only what is missing, and says what it did."""
    settings = load_settings(
        SetupSettings,
        **overrides(
            kafka__bootstrap_servers=bootstrap_servers,
            schema_registry__url=schema_registry_url,
            topics__prefix=topic_prefix,
            log__format=log_format,
        ),
    )
    log.configure(settings.log)
    changes = run_setup(settings, settings.errors.deadletterqueue.topic)
    for change in changes:
        typer.echo(change)
    if not changes:
        typer.echo("Nothing to do: topics and schemas are as they should be.")
