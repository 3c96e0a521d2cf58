"""`fraudstream backtest`."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from fraud_core import durations
from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.errors import ConfigError, InputError
from fraud_local.fitting_flags import NO_LABEL, refuse_foreign
from fraud_local.training_progress import shown
from fraud_producer.flags import REPLAY, SIMULATION, LabelDelayFlag, MapFlag, RejectsFlag, ScenarioFlag
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
    from fraud_local.backtest.backtest import Backtest
    from fraud_local.backtest.engine import Past
    from fraud_local.backtest.logged import Stretch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

TESTING = "What is judged"
KAFKA = "From Kafka"
TESTED_SHARE = 1 / 4
PATIENCE_S = 60.0
CUSTOMERS, WORLD = 1_000, 11
NO_HISTORY = "Give one history: --input with --map and --label, --topic NAME, or --simulate DAYS."


@app.command()
def backtest(
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="History (.csv, .csv.gz, .parquet or .jsonl).",
            rich_help_panel=REPLAY,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that says which rows are fraud.", rich_help_panel=REPLAY),
    ] = None,
    test_from: Annotated[
        datetime | None,
        typer.Option(
            parser=durations.moment,
            metavar="TIME",
            help="First moment that is judged, UTC. Default: that of the last quarter.",
            rich_help_panel=TESTING,
        ),
    ] = None,
    simulate: Annotated[
        int | None,
        typer.Option(
            min=10,
            metavar="DAYS",
            help="Instead of a file, so many days of the realistic simulator, whose frauds have kinds.",
            rich_help_panel=SIMULATION,
        ),
    ] = None,
    customers: Annotated[
        int | None,
        typer.Option(
            min=10,
            metavar="N",
            help=f"Simulated customers, {CUSTOMERS:,} by default.",
            rich_help_panel=SIMULATION,
        ),
    ] = None,
    world: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help=f"Seed of the simulation, {WORLD} by default.",
            rich_help_panel=SIMULATION,
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of a file, transactions on this topic, with the labels that are in Kafka by now.",
            rich_help_panel=KAFKA,
        ),
    ] = None,
    from_: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            parser=durations.moment,
            metavar="TIME",
            help="Event time of the first of them, UTC. Default: all there are.",
            rich_help_panel=KAFKA,
        ),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option(
            parser=durations.moment,
            metavar="TIME",
            help="First moment after the last of them.",
            rich_help_panel=KAFKA,
        ),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
    map_: MapFlag = None,
    label_delay: LabelDelayFlag = None,
    scenario: ScenarioFlag = None,
    rejects: RejectsFlag = None,
    test_until: Annotated[
        datetime | None,
        typer.Option(
            parser=durations.moment,
            metavar="TIME",
            help="First moment after it. Default: the end.",
            rich_help_panel=TESTING,
        ),
    ] = None,
    algorithm: AlgorithmFlag = "ensemble",
    set_: SetFlag = None,
    train_window: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="30d",
            help="Training window, 30d by default; it ends one label delay before training.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    retrain: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="7d",
            help="Train anew so often, 1h at least. Default: once.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    threshold_: ThresholdFlag = "0.005",
    without_labels: Annotated[
        bool,
        typer.Option(
            "--without-label-features",
            help="Read no feature that comes from labels.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    shuffle_labels: Annotated[
        bool,
        typer.Option(
            "--shuffle-labels",
            help="Train on labels in random order: what is still found is a leak, or chance.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    seed: TrainingSeedFlag = 0,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            max=50,
            metavar="N",
            help="So many seeds from --seed on; figures are means.",
            rich_help_panel=TRAINING,
        ),
    ] = 1,
    rules: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rule file. Default: the tutorial's rules.", rich_help_panel=TESTING
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="ALGORITHM|FILE",
            help="Run this algorithm, or with these rules, beside it.",
            rich_help_panel=TESTING,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """Train on the past of a history, decide what came after, and hold it against the truth.

    Features, rules and models are the detector's own; labels become known as late as --label-delay says.

    Example: fraudstream backtest --input history.csv --map user=CARD,amount=AMT,timestamp=TIME
    --label IS_FRAUD --test-from 2026-05-01
    """
    wanted_threshold = threshold(threshold_)
    # Imported late: `--help` and a wrong flag need neither numba nor scikit-learn.
    from fraud_core.rules import load_rules  # noqa: PLC0415
    from fraud_local.backtest.backtest import Wanted, backtest, check  # noqa: PLC0415
    from fraud_local.backtest.logged import Stretch  # noqa: PLC0415
    from fraud_local.backtest.report import as_document, lines  # noqa: PLC0415
    from fraud_local.backtest.run import Schedule  # noqa: PLC0415
    from fraud_local.backtest.simulated import simulated  # noqa: PLC0415
    from fraud_local.left_out import said_with_errors  # noqa: PLC0415
    from fraud_producer.replay import parse_mapping, read_history  # noqa: PLC0415

    delay = WEEK if label_delay is None else label_delay
    past: Past
    if sum(given is not None for given in (input_, simulate, topic)) != 1:
        raise ConfigError(NO_HISTORY)
    if input_ is None:
        columns = {"--map": map_, "--label": label, "--scenario": scenario, "--rejects": rejects}
        refuse_foreign(columns, "--input")
    elif label is None:
        raise ConfigError(NO_LABEL.format(input_))
    if simulate is None:
        refuse_foreign({"--customers": customers, "--world": world}, "--simulate")
    if topic is None:
        refuse_foreign({"--from": from_, "--to": to}, "--topic")
    chosen, rule_set = hyperparameters(set_), load_rules(rules)
    check(algorithm, chosen, wanted_threshold, against, label_features=not without_labels)
    if topic is not None:
        past = _logged(Stretch(topic, from_, to), bootstrap_servers, schema_registry_url, topic_prefix)
    elif simulate is not None:
        past = simulated(
            simulate, CUSTOMERS if customers is None else customers, WORLD if world is None else world
        )
    else:
        assert input_ is not None  # noqa: S101 - one of the three is given
        mapping = parse_mapping(map_ or ())
        past = read_history(
            input_, mapping, label=label, label_delay=delay, rejects=rejects, scenario=scenario
        )
    window = MONTH if train_window is None else train_window
    with said_with_errors(past.left_out):
        begin = test_from or _last_quarter(past)
    until = test_until or past.last + timedelta(milliseconds=1)
    wanted = Wanted(
        schedule=Schedule(begin, until, window, delay, retrain),
        algorithm=algorithm,
        hyperparameters=chosen,
        threshold=wanted_threshold,
        rules=rule_set,
        label_features=not without_labels,
        shuffled=shuffle_labels,
        seeds=tuple(range(seed, seed + seeds)),
        against=against,
        changing=input_ is None,
    )
    title = f"Sending {past.rows:,} transactions through the engine"
    with shown(title, past.rows) as on_progress, said_with_errors(past.left_out):
        found: Backtest = backtest(past, wanted, lambda done: on_progress(done, past.rows))
    if as_json:
        typer.echo("\n".join(lines(found)), err=True)
        typer.echo(orjson.dumps(as_document(found)).decode())
    else:
        typer.echo("\n".join(lines(found)))


def _last_quarter(past: "Past") -> datetime:
    """When the last quarter of the history's time begins.

    Raises:
        InputError: hardly any transactions are in it.
    """
    begin = past.last - TESTED_SHARE * (past.last - past.first)
    if begin > past.late:
        raise InputError(
            f"{past.path} ends on {past.last:%Y-%m-%d}, and 95% of its transactions are before "
            f"{past.late:%Y-%m-%d %H:%M}: are the last dates right? "
            "If so, name the first moment that is judged: --test-from."
        )
    return begin


def _logged(wanted: "Stretch", servers: str | None, registry: str | None, prefix: str | None) -> "Past":
    """The transactions of a topic of the cluster that is named, or that runs on this machine."""
    from fraud_local import addresses  # noqa: PLC0415 - as above
    from fraud_local.backtest.logged import logged  # noqa: PLC0415

    found = addresses.find(servers, registry, prefix)
    addresses.quiet(found.settings)
    with shown("Reading", doing="Reading {total:,} transactions") as on_rows:
        return logged(found.settings, wanted, PATIENCE_S, on_rows)
