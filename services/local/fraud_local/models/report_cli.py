"""`fraudstream models report`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fraud_core import durations
from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.connect.records import WorkerStatus
from fraud_core.errors import ConfigError
from fraud_core.rollouts import Rollout
from fraud_core.rollouts.comparison import Comparison, compared
from fraud_local.models import telling
from fraud_local.models.figures import contents, lines, rows
from fraud_local.models.page import write_page
from fraud_local.models.place import DEFAULT_PIPELINE, Json, PipelineOption, Place, place
from fraud_trainer import judged


def report(
    label_maturity: Annotated[
        str, typer.Option(metavar="DURATION", help="Age from which a transaction's label is believed.")
    ] = "30d",
    since: Annotated[
        str, typer.Option(metavar="DURATION", help="Decisions of the last so long are joined with labels.")
    ] = "90d",
    html: Annotated[Path | None, typer.Option(help="Write a page to this file, too.")] = None,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Compare champion and challenger, live.

    Alert rates are the models' own, without the rules'. All but precision comes from what the workers count
    since they began this step of the rollout, errors since they first had this pair; precision comes from the
    decisions and labels on the topics.
    """
    maturity, window = durations.duration(label_maturity), durations.duration(since)
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    rollout, workers = here.look()
    if rollout is None:
        raise ConfigError(telling.standing(None, [], pipeline))
    found = compared(workers, rollout.generation)
    began = datetime.now(UTC) - window
    thresholds = _thresholds(here, rollout, found)
    precision = judged.precision(
        judged.read_decisions(here.settings, began), judged.read_labels(here.settings), thresholds, maturity
    )
    standing = telling.standing(rollout, workers, pipeline)
    if html:
        write_page(html, standing, rollout, found, rows(found, precision))
    if as_json:
        content = contents(rollout, found, precision)
        typer.echo(telling.as_json(content))
    else:
        typer.echo("\n".join([standing, "", *lines(found, precision), *_problems(workers)]))


def _problems(workers: list[WorkerStatus]) -> list[str]:
    return [f"{status.worker}: {status.rollout_problem}" for status in workers if status.rollout_problem]


def _thresholds(here: Place, rollout: Rollout, found: Comparison) -> dict[str, float]:
    """As the workers say, or else the manifests."""
    known = {
        one.version: one.threshold
        for one in (found.champion, found.challenger)
        if one and one.threshold is not None
    }
    for ref in (rollout.champion, rollout.challenger):
        if ref and ref.version not in known:
            manifest = here.store.manifests().get(ref.sha256)
            known |= {ref.version: manifest.threshold} if manifest else {}
    return known
