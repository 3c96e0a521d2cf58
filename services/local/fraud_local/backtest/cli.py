"""`fraudstream backtest`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from fraud_core.errors import ConfigError
from fraud_producer import durations
from fraud_producer.flags import REPLAY, SIMULATION, LabelDelayFlag, MapFlag, RejectsFlag

if TYPE_CHECKING:
    from fraud_local.backtest.backtest import Backtest
    from fraud_local.backtest.engine import Past
    from fraud_trainer.training import Threshold

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

TRAINING, TESTING = "Training", "What is judged"
WEEK, MONTH = timedelta(days=7), timedelta(days=30)
TESTED_SHARE = 1 / 4


def threshold(text: str) -> "Threshold":
    """An alert budget, `tutorial`, or costs.

    Raises:
        BadParameter: it is none of these.
    """
    from fraud_trainer.training import Costs  # noqa: PLC0415 - scikit-learn takes seconds to import

    if text == "tutorial":
        return "tutorial"
    missed, slash, false_alert = text.partition("/")
    try:
        numbers = [float(missed), float(false_alert)] if slash else [float(text)]
    except ValueError:
        numbers = []
    if slash and len(numbers) == 2 and min(numbers) > 0:  # noqa: PLR2004 - two costs
        return Costs(*numbers)
    if len(numbers) == 1 and 0 < numbers[0] < 1:
        return numbers[0]
    raise typer.BadParameter(
        f"{text!r} is no alert budget as in 0.005, no costs of a missed fraud and of a false alert as in "
        f"100/2, "
        "and not `tutorial`.",
        param_hint="'--threshold'",
    )


def hyperparameters(pairs: list[str] | None) -> dict[str, int | float | str | bool | None]:
    """`name=value` pairs; values are JSON where they can be, else text.

    Raises:
        ConfigError: one has no equals sign.
    """
    found: dict[str, int | float | str | bool | None] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set {pair}: write name=value, as in --set n_estimators=200.")
        try:
            found[name.strip()] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found[name.strip()] = value
    return found


@app.command()
def backtest(
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="FILE", help="History (.csv, .parquet or .jsonl).", rich_help_panel=REPLAY
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
        int, typer.Option(min=10, metavar="N", help="Simulated customers.", rich_help_panel=SIMULATION)
    ] = 1_000,
    world: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed of the simulation.", rich_help_panel=SIMULATION)
    ] = 11,
    map_: MapFlag = None,
    label_delay: LabelDelayFlag = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column that names the kind of fraud, for the report.",
            rich_help_panel=REPLAY,
        ),
    ] = None,
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
    algorithm: Annotated[
        str, typer.Option(help="What to train; a wrong name lists all.", rich_help_panel=TRAINING)
    ] = "ensemble",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A hyperparameter; may be repeated.", rich_help_panel=TRAINING
        ),
    ] = None,
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
            help="Train anew so often. Default: once.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    threshold_: Annotated[
        str,
        typer.Option(
            "--threshold",
            metavar="SHARE|MISSED/FALSE|tutorial",
            help="Share of the traffic that may be alerts, the rules' included; or what a missed fraud and a "
            "false alert cost; or `tutorial`.",
            rich_help_panel=TRAINING,
        ),
    ] = "0.005",
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
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of all that is drawn.", rich_help_panel=TRAINING)
    ] = 0,
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
    from fraud_local.backtest.backtest import Wanted, backtest  # noqa: PLC0415
    from fraud_local.backtest.report import as_document, lines  # noqa: PLC0415
    from fraud_local.backtest.run import Schedule  # noqa: PLC0415
    from fraud_local.backtest.simulated import simulated  # noqa: PLC0415
    from fraud_producer.replay import parse_mapping, read_history  # noqa: PLC0415

    delay = WEEK if label_delay is None else label_delay
    past: Past
    if simulate is not None and input_ is None:
        past = simulated(simulate, customers, world)
    elif input_ is not None and simulate is None and label is not None:
        mapping = parse_mapping(map_ or ())
        past = read_history(
            input_, mapping, label=label, label_delay=delay, rejects=rejects, scenario=scenario
        )
    else:
        raise ConfigError("Give a history, --input with --map and --label, or --simulate DAYS.")
    begin = test_from or past.last - TESTED_SHARE * (past.last - past.first)
    until = test_until or past.last + timedelta(milliseconds=1)
    wanted = Wanted(
        schedule=Schedule(begin, until, train_window or MONTH, delay, retrain),
        algorithm=algorithm,
        hyperparameters=hyperparameters(set_),
        threshold=wanted_threshold,
        rules=load_rules(rules),
        label_features=not without_labels,
        shuffled=shuffle_labels,
        seeds=tuple(range(seed, seed + seeds)),
        against=against,
        changing=simulate is not None,
    )
    with _shown(past.rows) as on_rows:
        found: Backtest = backtest(past, wanted, on_rows)
    if as_json:
        typer.echo("\n".join(lines(found)), err=True)
        typer.echo(orjson.dumps(as_document(found)).decode())
    else:
        typer.echo("\n".join(lines(found)))


@contextmanager
def _shown(rows: int) -> Iterator[Callable[[int], None]]:
    """Progress on standard error: a bar on a terminal, one line elsewhere."""
    title = f"Sending {rows:,} transactions through the engine"
    if not sys.stderr.isatty():
        typer.echo(f"{title}, then training", err=True)
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is a terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=rows)

        def on_rows(done: int) -> None:
            progress.update(task, completed=done, description="Training" if done == rows else title)

        yield on_rows
