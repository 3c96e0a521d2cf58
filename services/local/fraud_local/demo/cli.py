"""`fraudstream demo`: what it may be asked for."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer

from fraud_core import durations
from fraud_core.cli import TopicPrefix
from fraud_local.demo.options import DemoOptions, checked
from fraud_producer.flags import (
    SIMULATION,
    ClockFlag,
    CustomersFlag,
    DaysFlag,
    FraudShareFlag,
    InputFlag,
    LabelDelayFlag,
    LabelFlag,
    MapFlag,
    ProfileFlag,
    RejectsFlag,
    SeedFlag,
    SpeedFlag,
    StartFlag,
)
from fraud_producer.options import Options

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

CLUSTER = "Where it runs"
HELP = (
    "Run the whole pipeline on this machine and hold it against the truth.\n\n"
    "A real broker and a real schema registry, a baseline model, a producer and a detector. Thirty simulated "
    "days are replayed first; then it goes on live, an hour a second, until Ctrl-C or --duration. The last "
    "line is computed from what happened, and a report stays behind.\n\n"
    "Example: fraudstream demo --duration 60"
)


@app.command(help=HELP)
def demo(
    duration: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="End after so much of the live part. Default: Ctrl-C."),
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Lines instead of the live screen.")] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="End with one JSON object on standard output, with lines as --headless has them."
        ),
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Save the last screen as a picture.")
    ] = None,
    profile: ProfileFlag = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="N",
            help="Live transactions a second. Default: about 200.",
            rich_help_panel=SIMULATION,
        ),
    ] = None,
    clock: ClockFlag = None,
    history: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="30d",
            help="Simulated time that is replayed first, 30d by default.",
            rich_help_panel=SIMULATION,
        ),
    ] = None,
    start: StartFlag = None,
    days: DaysFlag = None,
    seed: SeedFlag = None,
    customers: CustomersFlag = None,
    fraud_share: FraudShareFlag = None,
    input_: InputFlag = None,
    map_: MapFlag = None,
    speed: SpeedFlag = None,
    label: LabelFlag = None,
    label_delay: LabelDelayFlag = None,
    rejects: RejectsFlag = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            help="Keeps topics, schemas, logs and reports. (env FRAUD_DATA_DIR, then in stack/)",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete all topics and schemas first.", rich_help_panel=CLUSTER)
    ] = False,
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,…",
            help="Brokers of yours instead of an embedded one.",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    schema_registry_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Schema registry of yours; goes with the brokers.", rich_help_panel=CLUSTER
        ),
    ] = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Hold the flags against each other, then run; HELP says what for."""
    producer = Options(
        profile=profile.value if profile else None,
        rate=rate,
        clock=clock,
        start=start,
        days=days,
        seed=seed,
        customers=customers,
        fraud_share=fraud_share,
        input=input_,
        map=tuple(map_ or ()),
        speed=speed,
        label=label,
        label_delay=label_delay,
        rejects=rejects,
    )
    options = DemoOptions(
        producer,
        duration=duration,
        history=history,
        headless=headless or json,
        data_dir=data_dir,
        fresh=fresh,
        picture=picture,
        bootstrap_servers=bootstrap_servers,
        schema_registry_url=schema_registry_url,
        topic_prefix=topic_prefix,
    )
    _run(checked(options), json=json)


def _run(options: DemoOptions, *, json: bool) -> None:
    # Imported late: `--help` and a wrong flag need neither polars nor the clients.
    from fraud_local.demo.demo import run_demo  # noqa: PLC0415
    from fraud_local.demo.result import as_json  # noqa: PLC0415
    from fraud_local.demo.sentence import closing  # noqa: PLC0415
    from fraud_local.stack.detached import end_on_signals  # noqa: PLC0415

    end_on_signals()
    result = run_demo(options, _say)
    if result.report:
        _say(f"Report: {result.report}")
    sentence = closing(result.session.figures)
    if json:
        _say(sentence)
        sys.stdout.write(orjson.dumps(as_json(result)).decode() + "\n")
    else:
        sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
