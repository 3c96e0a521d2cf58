"""`fraudstream drift`."""

from dataclasses import asdict
from typing import Any

import typer

from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.connect.records import SCORE
from fraud_core.features.words import words_of
from fraud_core.rollouts.drift import FEWEST, Drift, Verdict, VersionDrift, drifted
from fraud_local.models import telling
from fraud_local.models.place import DEFAULT_PIPELINE, Json, PipelineOption, place

NUMBERS = frozenset({"PSI", "unknown in training", "unknown now"})
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def drift(
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Tell which features, and whether the score, have moved away from what the model was trained on.

    Compares what the workers met in the last seven days of event time with the training window. An index
    (PSI) below 0.1 counts as alike, above 0.25 as moved.
    """
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    with here.board() as board:
        found = drifted(board.workers(pipeline))
    if as_json:
        content = {"pipeline": pipeline, "versions": list(map(_json, found))}
        typer.echo(telling.as_json(content))
        return
    typer.echo("\n".join(lines(pipeline, found)))


def lines(pipeline: str, found: list[VersionDrift]) -> list[str]:
    """For people."""
    if not found:
        return [f"No worker of {pipeline} that runs a model reports now."]
    return [line for version in found for line in ("", *_of_version(version))][1:]


def _of_version(found: VersionDrift) -> list[str]:
    name = f"{found.role} {found.version}"
    if not found.drifts:
        return [
            f"{name}: nothing is counted yet, or its bundle is from before drift was; then train it again."
        ]
    over = f"{name}: {found.transactions:,} transactions of the last seven days, {found.workers} worker(s)"
    if all(one.verdict is Verdict.TOO_FEW for one in found.drifts):
        return [f"{over}. At least {FEWEST:,}, and as many in the training window, are needed."]
    moved = [one.name for one in found.moved]
    told = f"moved: {', '.join(moved)}" if moved else "nothing has moved"
    return [f"{over}; {told}", "", *telling.table(list(map(_row, found.drifts)), NUMBERS)]


def _row(one: Drift) -> telling.Row:
    return {
        "feature": one.name,
        "PSI": None if one.psi is None else f"{one.psi:.3f}",
        "verdict": one.verdict.value,
        "towards": one.towards or None,
        "unknown in training": _percent(one.unknown_usual),
        "unknown now": _percent(one.unknown_now),
        "what it is": "risk rank" if one.name == SCORE else words_of(one.name).name,
    }


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _json(found: VersionDrift) -> dict[str, Any]:
    return asdict(found) | {"moved": [one.name for one in found.moved]}
