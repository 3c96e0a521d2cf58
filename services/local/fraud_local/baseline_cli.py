"""`fraudstream train-baseline`."""

import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
import typer

from fraud_local.baseline_defaults import ALERT_BUDGET, CUSTOMERS, DAYS, SEED
from fraud_local.training_progress import shown
from fraud_trainer.budget import over_budget

if TYPE_CHECKING:
    from fraud_core.models import Bundle, PublishedBundle

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

RATES = ("model", "rules", "union")
Budget = Literal["tutorial"] | float


def _budget(text: str) -> Budget:
    if text == "tutorial":
        return "tutorial"
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise typer.BadParameter(
            f"{text!r} is neither an alert budget, a share between 0 and 1 as in 0.005, nor `tutorial`.",
            param_hint="'--threshold'",
        )
    return share


@app.command()
def train_baseline(
    output: Annotated[
        str,
        typer.Option(metavar="PATH|URL", help="Where to publish: a path, or file://, s3://, gs://, az://."),
    ] = "./models",
    days: Annotated[
        int, typer.Option(metavar="N", help="Simulated days; the first 30 only fill the features' windows.")
    ] = DAYS,
    customers: Annotated[int, typer.Option(min=10, metavar="N", help="Simulated customers.")] = (CUSTOMERS),
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of the simulated world and of the forest.")
    ] = SEED,
    threshold: Annotated[
        str,
        typer.Option(
            metavar="SHARE|tutorial",
            help="Share of the traffic that may be alerts, the rules' included; or `tutorial`: alert exactly "
            "where scikit-learn's predict gives -1.",
        ),
    ] = str(ALERT_BUDGET),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Train the Isolation Forest that a new installation begins with, on simulated customers.

    Prints the command with its address and digest that lets it decide in a new pipeline. On one installation
    the same arguments give the same digest.
    """
    budget = _budget(threshold)
    # Imported late: `--help` and a wrong flag need neither numba nor scikit-learn.
    from fraud_core.rules import load_rules  # noqa: PLC0415
    from fraud_local.baseline import Baseline, train_baseline  # noqa: PLC0415

    rules = load_rules()
    wanted = Baseline(seed=seed, days=days, customers=customers, threshold=budget, rules=rules)
    with shown(f"Simulating {days} days of {customers:,} customers", days) as on_progress:
        published, bundle = train_baseline(output, wanted, lambda done: on_progress(done, days))
    if as_json:
        typer.echo(orjson.dumps(_summary(published, bundle)).decode())
    else:
        typer.echo("\n".join(_lines(published, bundle)))


def _summary(published: "PublishedBundle", bundle: "Bundle") -> dict[str, object]:
    manifest = bundle.manifest
    return {
        "version": published.version,
        "url": published.url,
        "sha256": published.sha256,
        "threshold": manifest.threshold,
        "threshold_rule": manifest.threshold_rule,
        "counts": manifest.counts,
        "metrics": manifest.metrics,
        "setup": _setup(published),
    }


def _lines(published: "PublishedBundle", bundle: "Bundle") -> list[str]:
    manifest = bundle.manifest
    metrics = manifest.metrics
    shares = ", ".join(f"{name} {metrics[f'alert_rate_{name}']:.2%}" for name in RATES)
    found = [
        f"{name.replace('_', ' ')} {value:.2f}"
        for name, value in metrics.items()
        if not name.startswith("alert_rate_")
    ]
    counts = (
        f"{manifest.counts['training']:,} transactions; validated on {manifest.counts['validation']:,} later "
        f"ones, {manifest.counts.get('validation_frauds', 0):,} of them fraud"
    )
    return [
        f"version  {published.version}",
        f"url      {published.url}",
        f"sha256   {published.sha256}",
        f"trained  on {counts}",
        f"alerts   {shares} of the traffic",
        *(f"         {said}" for said in [over_budget(manifest.threshold_rule, metrics)] if said),
        f"against  the truth: {', '.join(found) or 'there was no fraud to find'}",
        "",
        "Go on with:",
        f"  {_setup(published)}",
        "or, in a pipeline that has a rollout already:",
        f"  {_publish(published)}",
    ]


def _setup(published: "PublishedBundle") -> str:
    """The command that lets the model decide where nothing was rolled out yet."""
    return (
        f"fraudstream setup --baseline-url {shlex.quote(published.url)} --baseline-sha256 {published.sha256}"
    )


def _publish(published: "PublishedBundle") -> str:
    """The command that puts it beside the champion of a pipeline, to be tried."""
    url = published.url
    here = url.removeprefix("file://")
    if here != url:
        return f"fraudstream models publish {shlex.quote(here)}"
    return f"fraudstream models publish {shlex.quote(url)} --sha256 {published.sha256}"
