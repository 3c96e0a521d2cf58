"""`fraudstream topics list|tail|docs`: what is on the topics, for people without a Console and with one."""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import Message

from fraud_core import tail
from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix, overrides
from fraud_core.errors import ConfigError
from fraud_core.offsets import committed_spans
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings, load_settings
from fraud_core.topics import topics
from fraud_local import addresses
from fraud_local.lines import line
from fraud_local.topic_names import resolve, setup_command, visible
from fraud_local.topic_pages import pages
from fraud_local.values import ValueReader, as_json, to_json

LAST = 10
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="What is on the topics. Without addresses: of the demo or the stack that runs on this machine.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, with all fields.")]


@dataclass(frozen=True)
class Wanted:
    """Which records of a topic are shown.

    Attributes:
        count: at most so many, not counting those that are followed; None for all.
        from_beginning: the first ones instead of the last.
        follow: afterwards those that come.
    """

    count: int | None
    from_beginning: bool
    follow: bool


@app.command(name="list")
def list_topics(
    as_json_: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
) -> None:
    """List the topics with their partitions, records and schema subjects.

    Records are counted by offsets, so there may be fewer: each Kafka transaction adds one to the decisions'
    topics, and what was compacted away still counts.
    """
    found = addresses.find(bootstrap_servers, schema_registry_url)
    addresses.quiet(found.settings)
    existing = addresses.existing_topics(found)
    spans = committed_spans(found.settings.kafka, {name: existing[name] for name in visible(existing)})
    subjects = Registry(found.settings.schema_registry).subjects()
    rows = []
    for name in visible(existing):
        records = sum(span.length for (topic, _), span in spans.items() if topic == name)
        subject = f"{name}-value" if f"{name}-value" in subjects else None
        rows.append(
            {"topic": name, "partitions": existing[name], "records_at_most": records, "subject": subject}
        )
    if as_json_:
        typer.echo("\n".join(map(to_json, rows)), nl=bool(rows))
    else:
        typer.echo(_table(rows, found.settings))


@app.command(name="tail")
def tail_topic(
    topic: Annotated[str, typer.Argument(help="Its name; the prefix may be left out.")],
    count: Annotated[
        int | None, typer.Option("-n", min=0, metavar="N", help=f"So many records. [default: {LAST}]")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Then go on with what comes, until Ctrl-C.")
    ] = False,
    from_beginning: Annotated[
        bool,
        typer.Option(
            "--from-beginning", help="Begin with the oldest: all, or -n; each partition in its order."
        ),
    ] = False,
    as_json_: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Print the last committed records of a topic, decoded, by Kafka timestamp across partitions."""
    found = addresses.find(bootstrap_servers, schema_registry_url, topic_prefix)
    addresses.quiet(found.settings)
    existing = addresses.existing_topics(found)
    name = resolve(topic, found.settings, existing)
    reader = ValueReader(Registry(found.settings.schema_registry))
    render = as_json if as_json_ else line
    wanted = Wanted(count if count is not None or from_beginning else LAST, from_beginning, follow)
    try:
        for messages in _records(found, name, existing[name], wanted):
            sys.stdout.writelines(
                f"{render(message, reader.read(message.value()))}\n" for message in messages
            )
            sys.stdout.flush()
    except KeyboardInterrupt:
        if not follow:
            raise


@app.command(name="docs")
def write_docs(
    folder: Annotated[Path, typer.Argument(help="Where the pages go; those of the same names are replaced.")],
    topic_prefix: TopicPrefix = None,
) -> None:
    """Write a page for each topic, which Redpanda Console shows from a Git repository; needs no broker."""
    settings = load_settings(CoreSettings, **overrides(topics__prefix=topic_prefix))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages(topics(settings.topics)).items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"Pages can't be written to {folder}: {error.strerror}.") from error
    typer.echo(f"Wrote {len(pages(topics(settings.topics)))} pages to {folder}.")


def _records(found: addresses.Found, topic: str, partitions: int, wanted: Wanted) -> Iterator[list[Message]]:
    kafka = found.settings.kafka

    def on_outage() -> None:
        typer.echo(f"No broker answers at {kafka.bootstrap_servers}; waiting for it.", err=True)

    spans = committed_spans(kafka, {topic: partitions})
    with closing(tail.consumer(kafka, on_outage)) as source:
        if wanted.from_beginning:
            yield from _first(tail.forward(source, spans), wanted.count)
        else:
            yield tail.last(source, spans, wanted.count or 0)
        if wanted.follow:
            yield from tail.onward(source, spans)


def _first(batches: Iterator[list[Message]], count: int | None) -> Iterator[list[Message]]:
    left = count
    for batch in batches:
        yield batch if left is None else batch[:left]
        if left is not None:
            left -= len(batch)
            if left <= 0:
                return


def _table(rows: list[dict[str, object]], settings: CoreSettings) -> str:
    if not rows:
        return f"There are no topics. `{setup_command(settings)}` makes them."
    width = max(len(str(row["topic"])) for row in rows)
    lines = [f"{'topic':<{width}}  partitions  records at most  schema subject"]
    lines += [
        f"{row['topic']:<{width}}  {row['partitions']:>10}  {row['records_at_most']:>15,}  "
        f"{row['subject'] or '-'}"
        for row in rows
    ]
    return "\n".join(lines)
