"""`fraudstream train`."""

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from fraud_core import durations
from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.errors import ConfigError
from fraud_core.settings import CoreSettings, KafkaSettings, load_settings
from fraud_local.fitting_flags import NO_LABEL, refuse_beside, refuse_foreign
from fraud_local.models.place import DEFAULT_PIPELINE, PipelineOption, place
from fraud_local.training_progress import shown
from fraud_producer.flags import (
    REPLAY,
    InputFlag,
    LabelDelayFlag,
    LabelFlag,
    MapFlag,
    RejectsFlag,
    ScenarioFlag,
)
from fraud_trainer.budget import alerts_on_nothing, over_budget
from fraud_trainer.few import few_frauds
from fraud_trainer.flags import (
    MONTH,
    TRAINING,
    WEEK,
    AlgorithmFlag,
    SetFlag,
    ThresholdFlag,
    TrainingSeedFlag,
    hyperparameters,
    threshold,
)

if TYPE_CHECKING:
    from fraud_core.models import LoadedModel
    from fraud_producer.replay import History
    from fraud_trainer.run import Training

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

KAFKA = "From Kafka"
MOST_ROWS, PATIENCE = 5_000_000, timedelta(minutes=10)
OWN_OUTPUT, KAFKA_OUTPUT = "./models", "kafka://"
MILLISECOND, DAY = timedelta(milliseconds=1), timedelta(days=1)


@app.command()
def train(
    context: typer.Context,
    algorithm: AlgorithmFlag = "ensemble",
    set_: SetFlag = None,
    window: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="30d",
            help="Training window, 30d by default; it ends one label delay before --until.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=durations.moment,
            metavar="TIME",
            help="When is trained, in event time. Default: the newest transaction.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    label_delay: LabelDelayFlag = None,
    label_maturity: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="30d",
            help="Age from which a transaction without a label counts as legitimate: 30d, and with --input "
            "the label delay.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    threshold_: ThresholdFlag = "0.005",
    seed: TrainingSeedFlag = 0,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL",
            help="Where to publish: a path, kafka://, file://, s3://, gs:// or az://. Default: kafka://, and "
            "./models with --input.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a report with plots.")
    ] = None,
    champion_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Bundle to compare with. Default: the rollout's champion; none with --input."
        ),
    ] = None,
    champion_sha256: Annotated[str | None, typer.Option(metavar="DIGEST", help="Its digest.")] = None,
    input_: InputFlag = None,
    map_: MapFlag = None,
    label: LabelFlag = None,
    scenario: ScenarioFlag = None,
    rejects: RejectsFlag = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Rule file, with --input; from Kafka it reads what detectors' rules said. Default: the "
            "tutorial's rules.",
            rich_help_panel=REPLAY,
        ),
    ] = None,
    without_rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A rule with action `signal` that the model shall not read; may be repeated.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(
            "--max-rows",
            min=1_000,
            metavar="N",
            help="Of more decisions a share is kept and weighed up, and all frauds; each takes 500 bytes. "
            f"Default: {MOST_ROWS:,}.",
            rich_help_panel=KAFKA,
        ),
    ] = None,
    patience: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="10m",
            help="How long brokers may be away before it gives up, 10m by default.",
            rich_help_panel=KAFKA,
        ),
    ] = None,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Train a model on what detectors logged and what became of it, and publish it.

    Reads decisions and labels from Kafka; with --input a history of yours, through the same engine. A label
    counts only once it was known. Prints the address and the digest that a rollout takes.

    Example: fraudstream train --algorithm ensemble --window 30d --report report.html
    """
    wanted_threshold = threshold(threshold_)
    of_a_file = {"--map": map_, "--label": label, "--scenario": scenario, "--rejects": rejects}
    of_kafka = {"--max-rows": most, "--patience": patience, "--pipeline": _typed(context, "pipeline")}
    _check_flags(input_, of_a_file, of_kafka, rules, champion_url, champion_sha256)
    # Imported late: `--help` and a wrong flag need neither numba nor scikit-learn.
    from fraud_core.models import fetch_bundle  # noqa: PLC0415
    from fraud_core.rules import load_rules  # noqa: PLC0415
    from fraud_local.left_out import said_with_errors  # noqa: PLC0415
    from fraud_local.train.champion import deciding  # noqa: PLC0415
    from fraud_local.train.histories import from_file  # noqa: PLC0415
    from fraud_local.train.writable import see_writable  # noqa: PLC0415
    from fraud_producer.replay import parse_mapping, read_history  # noqa: PLC0415
    from fraud_trainer.run import Span, from_topics, train_on  # noqa: PLC0415
    from fraud_trainer.training import Plan  # noqa: PLC0415

    delay = WEEK if label_delay is None else label_delay
    maturity = label_maturity if label_maturity is not None else MONTH if input_ is None else delay
    plan = Plan(
        algorithm,
        hyperparameters=hyperparameters(set_),
        without_rules=tuple(without_rule or ()),
        threshold=wanted_threshold,
        label_delay=delay // MILLISECOND,
        maturity=maturity // MILLISECOND,
        seed=seed,
    )
    plan.check()
    _check_labelled(algorithm, input_, label)
    see_writable(output or (OWN_OUTPUT if input_ is not None else KAFKA_OUTPUT), report)
    span = Span(until, _window(window), delay)
    kafka: KafkaSettings | None = None
    key = load_settings(CoreSettings).bundles.hmac_key
    champion: LoadedModel | None = None
    history: History | None = None
    with shown("Reading", doing="Reading {total:,} transactions") as on_rows:
        if input_ is not None:
            rule_set = load_rules(rules)
            plan.check_rules(rule_set.signals)
            history = read_history(
                input_,
                parse_mapping(map_ or ()),
                label=label,
                label_delay=delay,
                rejects=rejects,
                scenario=scenario,
            )
            rows, now = from_file(history, span, rule_set, on_rows)
            target = output or OWN_OUTPUT
        else:
            here = place(pipeline, bootstrap_servers, schema_registry_url, topic_prefix)
            kafka, target = here.settings.kafka, output or f"{KAFKA_OUTPUT}{here.store.topic}"
            patient = PATIENCE if patience is None else patience
            rows, now = from_topics(here.settings, span, most or MOST_ROWS, patient.total_seconds(), on_rows)
            champion = deciding(here, rows.signals) if champion_url is None else None
        if champion_url is not None and champion_sha256 is not None:
            champion = fetch_bundle(champion_url, champion_sha256, kafka, key, rows.signals)
        with said_with_errors(history.left_out if history else None):
            training = train_on(rows, now, span, plan, output=target, champion=champion, kafka=kafka, key=key)
    warnings = _warnings(training, history)
    unwritten = _unwritten(report, training, warnings) if report is not None else None
    if as_json:
        typer.echo(orjson.dumps(_summary(training, warnings, history)).decode())
    else:
        typer.echo("\n".join(_lines(training, None if unwritten else report, warnings)))
    if unwritten:
        raise unwritten


def _typed(context: typer.Context, option: str) -> object:
    """The option's value from the command line; None where it comes from elsewhere, as the environment."""
    source = context.get_parameter_source(option)
    return context.params[option] if source is not None and source.name == "COMMANDLINE" else None


def _check_flags(
    input_: Path | None,
    of_a_file: Mapping[str, object],
    of_kafka: Mapping[str, object],
    rules: Path | None,
    champion_url: str | None,
    champion_sha256: str | None,
) -> None:
    """Refuse flags that would be ignored, or that lack another.

    Raises:
        ConfigError: names them.
    """
    if rules is not None and input_ is None:
        raise ConfigError("--rules goes with --input: from Kafka it reads what detectors' rules said.")
    if input_ is None:
        refuse_foreign(of_a_file, "--input")
    else:
        refuse_beside(of_kafka, "--input")
    if (champion_url is None) != (champion_sha256 is None):
        raise ConfigError(
            "--champion-url and --champion-sha256 go together: a bundle is only read by its digest."
        )


def _check_labelled(algorithm: str, path: Path | None, label: str | None) -> None:
    """See that a history has labels where the algorithm learns from them.

    Raises:
        ConfigError: it has none.
    """
    from fraud_trainer.fitting import ISOLATION_FOREST  # noqa: PLC0415 - as above

    if path is not None and label is None and algorithm != ISOLATION_FOREST:
        raise ConfigError(f"{NO_LABEL.format(path)} Or train an isolation_forest, which needs none.")


def _unwritten(report: Path, training: "Training", warnings: list[str]) -> ConfigError | None:
    """Why the report could not be written: what was published is to be told first."""
    from fraud_local.train.page import write_page  # noqa: PLC0415 - matplotlib takes a second

    try:
        write_page(report, training, warnings)
    except ConfigError as error:
        return error
    return None


def _window(given: timedelta | None) -> timedelta:
    """The training window.

    Raises:
        ConfigError: it is none.
    """
    if given == timedelta():
        raise ConfigError("--window must be more than 0.")
    return MONTH if given is None else given


def _warnings(training: "Training", history: "History | None") -> list[str]:
    manifest, judged = training.bundle.manifest, training.judged
    excess = over_budget(manifest.threshold_rule, manifest.metrics)
    silent = alerts_on_nothing(manifest.threshold_rule, manifest.metrics, manifest.score_map.rank[-1])
    return [
        *([_late(training.late)] if training.late else []),
        *(manifest.evaluation.remarks() if manifest.evaluation else []),
        *([excess] if excess else []),
        *([silent] if silent else []),
        *([str(history.left_out)] if history and history.left_out else []),
        *([history.repeats] if history and history.repeats else []),
        *few_frauds(
            manifest.counts.get("training_frauds"), None if judged is None else int(judged.frauds.sum())
        ),
    ]


def _late(late: timedelta) -> str:
    return (
        f"the transactions begin {late / DAY:.1f} days after the training window does, so it is so much "
        "shorter, and a wider one would have no more"
    )


def _summary(training: "Training", warnings: list[str], history: "History | None") -> dict[str, Any]:
    from fraud_local.backtest.report import rejected  # noqa: PLC0415 - as above

    manifest, published = training.bundle.manifest, training.published
    return {
        "version": manifest.version,
        "url": published.url if published else None,
        "sha256": training.bundle.sha256,
        "threshold": manifest.threshold,
        "threshold_rule": manifest.threshold_rule,
        "counts": manifest.counts,
        "metrics": manifest.metrics,
        "evaluation": manifest.evaluation and manifest.evaluation.model_dump(),
        "scoring_us": training.scoring_us,
        "champion": training.champion,
        "warnings": warnings,
        "rejected": rejected(history.left_out if history else None),
    }


def _lines(training: "Training", report: Path | None, warnings: list[str]) -> list[str]:
    manifest, published = training.bundle.manifest, training.published
    text = [f"version  {manifest.version}"]
    if published:
        text += [f"url      {published.url}", f"sha256   {published.sha256}"]
    text.append(f"trained  {manifest.window.start:%Y-%m-%d} to {manifest.window.end:%Y-%m-%d}")
    text += [f"         {count:,} {name.replace('_', ' ')}" for name, count in manifest.counts.items()]
    if report:
        text.append(f"report   {report}")
    text.append("")
    if manifest.evaluation and (judged := manifest.evaluation.summary()):
        text.append(judged)
    metrics = manifest.metrics
    ours = {name: value for name, value in metrics.items() if not name.startswith("champion_")}
    width = max(24, *map(len, ours))
    if training.champion:
        text.append(f"{'':<{width}} {'this':>9} {'champion':>9}   ({training.champion})")
    for name, value in ours.items():
        theirs = metrics.get(f"champion_{name}")
        text.append(f"{name:<{width}} {value:>9.4f}" + ("" if theirs is None else f" {theirs:>9.4f}"))
    if manifest.evaluation:
        text += [
            f"{f'recall of {kind}':<{width}} {one.recall:>9.4f}   ({one.frauds:,} frauds)"
            for kind, one in manifest.evaluation.scenarios.items()
        ]
    if training.scoring_us is not None:
        text.append(f"{'scoring_us':<{width}} {training.scoring_us:>9.2f}")
    text += [f"warning  {warning}" for warning in warnings]
    if published:
        go_on = (
            f"fraudstream models shadow {published.version}"
            if published.url.startswith("kafka://")
            else f"fraudstream models publish {shlex.quote(published.url.removeprefix('file://'))}"
        )
        text += ["", "Go on with:", f"  {go_on}"]
    return text
