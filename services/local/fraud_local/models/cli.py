"""`fraudstream models list|show|publish|promote|shadow|canary|rollback|delete|report`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.errors import BundleError, ConfigError
from fraud_core.models import publish_bundle, read_bundle
from fraud_core.models.bundle import MANIFEST, digest
from fraud_core.rollouts import Limits, Rollout
from fraud_core.rollouts.records import canaried, promoted, shadowed
from fraud_local.models import telling
from fraud_local.models.changes import (
    SHADOW_SPEC,
    Applied,
    Change,
    Spec,
    canary_spec,
    challenger_of,
    change,
    rolled_back,
)
from fraud_local.models.place import DEFAULT_PIPELINE, Json, PipelineOption, Place, place
from fraud_local.models.report_cli import report

WAIT_S = 30.0
MAX_ALERT_RATE = 0.25
NUMBERS = frozenset({"threshold"})

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which versions of the model there are, which one decides, and which is tried.",
)
app.command()(report)

Version = Annotated[str, typer.Argument(help="Its version or digest, or how either begins.")]
VersionOrChallenger = Annotated[
    str | None, typer.Argument(help="Its version or digest, or how either begins. Default: the challenger.")
]
TakeOver = Annotated[
    bool,
    typer.Option("--take-over", help="Though a FraudModel manages the pipeline: for one that is gone."),
]
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", help="For the workers to run it.")]
MaxAlertRate = Annotated[
    float, typer.Option(min=0, max=1, help="A worker drops it where it alerts on a greater share.")
]
MaxScoring = Annotated[
    float | None, typer.Option(min=0, metavar="MICROSECONDS", help="... or takes longer for one, on average.")
]
MinDecisions = Annotated[int, typer.Option(min=1, help="... once it has scored so many there.")]


@app.command(name="list")
def list_models(
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """List the bundles in Kafka, and which of them decides or is tried."""
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    rollout, workers = here.look()
    rows = telling.bundles(here.store.manifests(), rollout)
    if as_json:
        _print_json(
            {
                "rollout": telling.rollout_json(rollout),
                "workers": telling.workers_json(workers),
                "bundles": rows,
            }
        )
        return
    typer.echo(telling.standing(rollout, workers, pipeline))
    typer.echo("\n".join(["", *telling.table(rows, NUMBERS)]) if rows else "There are no bundles yet.")


@app.command()
def show(
    version: Version,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Print a bundle's address, its role in the pipeline and its manifest, as JSON."""
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    ref, (rollout, _) = here.find(version), here.look()
    _print_json(
        {
            "version": ref.version,
            "url": ref.url,
            "sha256": ref.sha256,
            "role": telling.role_of(ref.sha256, rollout),
            "manifest": orjson.loads(here.store.fetch(ref.sha256).manifest.to_bytes()),
        }
    )


@app.command()
def publish(
    bundle: Annotated[str, typer.Argument(metavar="PATH|URL", help="Folder of the bundle, or its address.")],
    sha256: Annotated[
        str | None, typer.Option(help="Its digest; needed where it is not a folder here.")
    ] = None,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Put a bundle into Kafka, where detectors find it. Nothing decides by it yet."""
    here = place(DEFAULT_PIPELINE, bootstrap_servers, schema_registry_url, topic_prefix)
    found = read_bundle(bundle, sha256 or _digest_of(bundle), here.settings.kafka)
    published = publish_bundle(
        f"kafka://{here.store.topic}", found, here.settings.kafka, here.settings.bundles.hmac_key
    )
    if as_json:
        _print_json(vars(published))
    else:
        typer.echo(f"{published.version} is at {published.url}.\n\nGo on with:")
        typer.echo(f"  fraudstream models shadow {published.version}")


@app.command()
def promote(
    version: VersionOrChallenger = None,
    wait_s: Wait = WAIT_S,
    take_over: TakeOver = False,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Let a version decide everything: the challenger, or the one that is named."""
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    named = here.find(version) if version else None
    _change(
        here,
        lambda latest: promoted(latest, named or challenger_of(latest, "promote")),
        lambda latest: {"pinnedVersion": (named or challenger_of(latest, "promote")).version},
        wait_s,
        as_json=as_json,
        take_over=take_over,
    )


@app.command()
def shadow(
    version: Version,
    max_alert_rate: MaxAlertRate = MAX_ALERT_RATE,
    max_scoring_us: MaxScoring = None,
    min_decisions: MinDecisions = 1_000,
    wait_s: Wait = WAIT_S,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Let a version score beside the champion, and decide nothing."""
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    ref, limits = here.find(version), Limits(min_decisions, max_alert_rate, max_scoring_us)
    _change(
        here,
        lambda latest: shadowed(_other(latest, ref.version), ref, limits),
        lambda _: SHADOW_SPEC,
        wait_s,
        as_json=as_json,
    )


@app.command()
def canary(
    version: VersionOrChallenger = None,
    weight: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Of the users; who is in stays in.")
    ] = 5.0,
    max_alert_rate: MaxAlertRate = MAX_ALERT_RATE,
    max_scoring_us: MaxScoring = None,
    min_decisions: MinDecisions = 1_000,
    wait_s: Wait = WAIT_S,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Let a version decide for a percentage of the users."""
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
    named = here.find(version) if version else None
    limits = Limits(min_decisions, max_alert_rate, max_scoring_us)

    def next_of(latest: Rollout) -> Rollout:
        ref = named or challenger_of(latest, "canary")
        return canaried(_other(latest, ref.version), ref, weight, limits)

    _change(here, next_of, lambda _: canary_spec(weight), wait_s, as_json=as_json)


@app.command()
def rollback(
    wait_s: Wait = WAIT_S,
    take_over: TakeOver = False,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Give up the challenger; without one, return to the champion before this one."""
    here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)

    def pinned(latest: Rollout) -> Spec:
        back = rolled_back(latest).champion
        return {"pinnedVersion": back.version if back else None}

    _change(here, rolled_back, pinned, wait_s, as_json=as_json, take_over=take_over)


@app.command()
def delete(
    version: Version,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Remove a bundle from Kafka that no pipeline runs or could roll back to."""
    here = place(DEFAULT_PIPELINE, bootstrap_servers, schema_registry_url, topic_prefix)
    ref = here.find(version)
    with here.board() as board:
        for rollout in board.rollouts().values():
            if role := telling.role_of(ref.sha256, rollout):
                raise ConfigError(f"{ref.version} is in use: {role} of {rollout.pipeline}. Roll out another.")
    here.store.delete(ref.sha256)
    typer.echo(f"Deleted {ref.version}.")


def _change(
    here: Place,
    next_of: Change,
    spec: Callable[[Rollout], Spec],
    wait_s: float,
    *,
    as_json: bool,
    take_over: bool = False,
) -> None:
    applied: Applied = change(here, next_of, spec, wait_s, take_over=take_over)
    if as_json:
        _print_json(
            {
                "rollout": telling.rollout_json(applied.rollout),
                "workers": telling.workers_json(applied.workers),
                "seconds": applied.seconds,
            }
        )
    else:
        typer.echo("\n".join(telling.changed(applied)))


def _other(latest: Rollout, version: str) -> Rollout:
    """The rollout, if this version is not its champion already."""
    if latest.champion and latest.champion.version == version:
        raise ConfigError(f"{version} is the champion of {latest.pipeline} already; try another version.")
    return latest


def _digest_of(bundle: str) -> str:
    file = Path(bundle.removeprefix("file://")).expanduser() / MANIFEST
    if "://" in bundle.removeprefix("file://"):
        raise ConfigError(f"{bundle} is not a folder here: give the digest that you expect with --sha256.")
    try:
        return digest(file.read_bytes())
    except OSError as error:
        raise BundleError(
            f"There is no bundle in {bundle}: {file} can't be read ({error.strerror}). Give the folder that "
            "`fraudstream train-baseline` printed."
        ) from error


def _print_json(content: Any) -> None:  # noqa: ANN401 - anything that JSON has
    typer.echo(telling.as_json(content))
