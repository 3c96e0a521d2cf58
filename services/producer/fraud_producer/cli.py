"""`fraudstream producer`: what it may be asked for."""

import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer

from fraud_core import durations, log
from fraud_core.cli import (
    BootstrapServers,
    HttpPort,
    LogFormat,
    LogLevel,
    SchemaRegistryUrl,
    TopicPrefix,
    overrides,
)
from fraud_core.settings import load_settings
from fraud_core.shutdown import on_signals
from fraud_producer.flags import (
    SIMULATION,
    ClockFlag,
    CustomersFlag,
    DaysFlag,
    FraudShareFlag,
    InputFlag,
    LabelDelayFlag,
    LabelFlag,
    LabelFraudsOnlyFlag,
    MapFlag,
    ProfileFlag,
    RejectsFlag,
    SeedFlag,
    SpeedFlag,
    StartFlag,
)
from fraud_producer.options import Options, check
from fraud_producer.settings import ProducerSettings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

PACE, BROKERS = "Pace", "Brokers and output"


HELP = (
    "Produce transactions: simulated ones, or a file's.\n\n"
    "Needs the topics and schemas that `fraudstream setup` makes. Ctrl-C or SIGTERM stops it once what is "
    "on its way has arrived; the exit status is 0 only if every transaction was delivered.\n\n"
    "Example: fraudstream producer --input history.csv --map user=CUSTOMER,amount=SUM,timestamp=DATE"
)


@app.command(help=HELP)
def producer(
    profile: ProfileFlag = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0, help="Transactions a second, evenly; 0 is --flat-out.", rich_help_panel=PACE, metavar="N"
        ),
    ] = None,
    flat_out: Annotated[
        bool, typer.Option("--flat-out", help="As fast as the brokers take them.", rich_help_panel=PACE)
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Stop after so many transactions.", rich_help_panel=PACE, metavar="N"),
    ] = None,
    clock: ClockFlag = None,
    history: Annotated[
        timedelta | None,
        typer.Option(
            parser=durations.duration,
            metavar="30d",
            help="First produce so much simulated history flat out, then go on at the pace.",
            rich_help_panel=PACE,
        ),
    ] = None,
    seed: SeedFlag = None,
    customers: CustomersFlag = None,
    fraud_share: FraudShareFlag = None,
    start: StartFlag = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=durations.moment,
            metavar="TIME",
            help="Stop at this event time.",
            rich_help_panel=SIMULATION,
        ),
    ] = None,
    days: DaysFlag = None,
    input_: InputFlag = None,
    map_: MapFlag = None,
    speed: SpeedFlag = None,
    label: LabelFlag = None,
    label_delay: LabelDelayFlag = None,
    label_frauds_only: LabelFraudsOnlyFlag = False,
    rejects: RejectsFlag = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write what is true of each transaction as JSON lines; it goes to no topic.",
            rich_help_panel=BROKERS,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print the summary as one JSON object.", rich_help_panel=BROKERS),
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
    delivery_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long to retry a record before it counts as not delivered. "
            "(env FRAUD_PRODUCER__DELIVERY_TIMEOUT_S)",
            rich_help_panel=BROKERS,
        ),
    ] = None,
    http_port: HttpPort = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
) -> None:
    """Hold the flags against each other, then produce; HELP says what for."""
    options = Options(
        profile=profile.value if profile else None,
        rate=rate,
        flat_out=flat_out,
        count=count,
        seed=seed,
        customers=customers,
        fraud_share=fraud_share,
        start=start,
        until=until,
        days=days,
        clock=clock,
        history=history,
        input=input_,
        map=tuple(map_ or ()),
        speed=speed,
        label=label,
        label_delay=label_delay,
        label_frauds_only=label_frauds_only,
        rejects=rejects,
    )
    settings = load_settings(
        ProducerSettings,
        **overrides(
            kafka__bootstrap_servers=bootstrap_servers,
            schema_registry__url=schema_registry_url,
            topics__prefix=topic_prefix,
            producer__delivery_timeout_s=delivery_timeout,
            http__port=http_port,
            log__format=log_format,
            log__level=log_level,
        ),
    )
    check(options)
    log.configure(settings.log)
    _produce(settings, options, truth, json=json)


def _produce(settings: ProducerSettings, options: Options, truth: Path | None, *, json: bool) -> None:
    # Imported late: `--help` and a wrong flag need neither polars nor the simulator.
    from fraud_producer.service import serve  # noqa: PLC0415
    from fraud_producer.sources import plan  # noqa: PLC0415

    planned = plan(options)
    with on_signals() as asked:
        ended = serve(settings, planned, asked, truth)
    summary = asdict(ended.summary)
    sys.stdout.write(orjson.dumps(summary).decode() + "\n" if json else _in_words(summary) + "\n")
    sys.stdout.flush()
    if ended.error:
        raise ended.error


def _in_words(summary: dict[str, float]) -> str:
    text = "Produced {produced:,} transactions: {delivered:,} delivered, {failed:,} failed".format(**summary)
    text += ", {labels:,} labels".format(**summary)
    if summary["labels_failed"]:
        text += " ({labels_failed:,} more failed)".format(**summary)
    if summary["rejected"]:
        text += ", {rejected:,} rows rejected".format(**summary)
    return text + ", in {seconds:,.1f} s ({rate:,.1f}/s).".format(**summary)
