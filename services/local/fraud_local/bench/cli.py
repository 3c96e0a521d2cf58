"""`fraudstream bench`."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fraud_core import log
from fraud_core.cli import BootstrapServers, SchemaRegistryUrl
from fraud_core.errors import ConfigError
from fraud_core.models import publish_bundle
from fraud_core.settings import LogSettings
from fraud_local.bench import images, latency, producer, report, scaling, throughput
from fraud_local.bench.place import Place, on_a_broker
from fraud_local.bench.report import Spread
from fraud_local.bench.runs import NAMES, command
from fraud_local.bench.workload import Workload, forest

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure the detector beside other ways to do its work, in one run, on a real broker.",
)

Rounds = Annotated[int, typer.Option(min=1, help="How often all are run, in turn.")]
USERS, PROCESSES = (10_000, 100_000, 1_000_000), (1, 2)
AsJson = Annotated[bool, typer.Option("--json", help="End with one line of JSON.")]


@app.callback()
def _bench() -> None:
    """Measures belong to one machine and one moment: compare within a run only."""
    log.configure(LogSettings(level="ERROR"))


@app.command("throughput")
def throughput_command(
    rounds: Rounds = 3,
    records: Annotated[int, typer.Option(min=100, help="Transactions on the prefilled topic.")] = 300_000,
    users: Annotated[
        int, typer.Option(min=10, help="Customers; a few make most of the transactions.")
    ] = 10_000,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help=f"Leave out: {', '.join(NAMES[2:])}.")
    ] = None,
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
) -> None:
    """Transactions a second of the detector, over those of four other ways.

    passthrough copies the same bytes in Kafka transactions: the limit. tutorial is the loop that the project
    grew out of. quix is Quix Streams with the same rules. record_by_record is the detector with fastavro
    instead of columns. Without addresses, an embedded broker runs for the time of the bench.
    """
    if unknown := set(without or ()) - set(NAMES[2:]):
        raise ConfigError(f"There is no path {', '.join(sorted(unknown))} to leave out.")
    workload = Workload(records, users)
    wanted = [name for name in NAMES if name not in (without or ())]
    for name in wanted:
        command(name)  # what is missing is told before minutes are spent
    with (
        tempfile.TemporaryDirectory() as models,
        on_a_broker(bootstrap_servers, schema_registry_url) as broker,
    ):
        bundle = publish_bundle(models, forest(workload))
        place = Place(broker, bundle, "bench")
        inputs = throughput.fill(place, workload, wanted)
        runs = throughput.rounds(place, inputs, rounds, _say)
    for line in report.lines(runs):
        _say(line)
    if as_json:
        typer.echo(json.dumps(report.as_json(runs, {"users": users, "rounds": rounds})))


@app.command("producer")
def producer_command(
    rounds: Rounds = 5,
    records: Annotated[int, typer.Option(min=100, help="Transactions to produce, each time.")] = 300_000,
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
) -> None:
    """Transactions a second of the producer, over those of handing the same bytes to the client."""
    with on_a_broker(bootstrap_servers, schema_registry_url) as broker:
        found = producer.measure(Place(broker, None, "bench"), Workload(records, 5_000), rounds, _say)
    ratio = Spread.of([one.producer / one.bare for one in found])
    _say(f"the producer over the bare client: {ratio.text()}")
    if as_json:
        typer.echo(json.dumps({"ratio": ratio.median, "figures": [asdict(one) for one in found]}))


@app.command("durability")
def durability_command(
    rounds: Rounds = 3,
    records: Annotated[int, typer.Option(min=100, help="Transactions on the prefilled topic.")] = 300_000,
    users: Annotated[
        int, typer.Option(min=10, help="Customers; a few make most of the transactions.")
    ] = 10_000,
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
) -> None:
    """Transactions a second with durable state, over those without."""
    workload = Workload(records, users)
    with (
        tempfile.TemporaryDirectory() as models,
        on_a_broker(bootstrap_servers, schema_registry_url) as broker,
    ):
        place = Place(broker, publish_bundle(models, forest(workload)), "bench")
        durable, bare = throughput.durability(place, workload, rounds, _say)
    pairs = list(zip(durable, bare, strict=True))
    ratio = Spread.of([one.per_second / other.per_second for one, other in pairs])
    _say(f"with durable state over without: {ratio.text()}")
    if as_json:
        rates = {
            name: [run.per_second for run in runs] for name, runs in (("true", durable), ("false", bare))
        }
        typer.echo(json.dumps({"ratio": ratio.median, "spread": asdict(ratio), "per_second": rates}))


@app.command("scaling")
def scaling_command(
    users: Annotated[
        list[int] | None, typer.Option(min=10, help="Customers; may be repeated. Default: 10^4, 10^5, 10^6.")
    ] = None,
    processes: Annotated[
        list[int] | None, typer.Option(min=1, max=6, help="Detectors; may be repeated. Default: 1 and 2.")
    ] = None,
    records: Annotated[
        int, typer.Option(min=100, help="Transactions on each topic; at least one a customer.")
    ] = 500_000,
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
) -> None:
    """Throughput of one and two processes as the state grows, memory a user, and restores after a kill."""
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        on_a_broker(bootstrap_servers, schema_registry_url) as broker,
    ):
        place = Place(broker, publish_bundle(f"{folder}/models", forest(Workload(20_000, 1_000))), "bench")
        for workload in [Workload(max(records, count), count, everyone=True) for count in users or USERS]:
            memory = scaling.bytes_a_user(workload)
            _say(f"{workload.users:>11,} users  {memory:,.0f} bytes of memory a user")
            runs = [
                scaling.measure(place, workload, count, Path(folder), _say)
                for count in processes or PROCESSES
            ]
            found.append(
                {"users": workload.users, "bytes_a_user": memory, "runs": [asdict(one) for one in runs]}
            )
    if as_json:
        typer.echo(json.dumps({"figures": found}))


@app.command("latency")
def latency_command(
    rounds: Rounds = 1,
    rate: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Transactions a second; may be repeated. Default: 100, 1,000, 10,000 and half of the most.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long each is watched.")] = 10.0,
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
) -> None:
    """Milliseconds from a produced transaction to its committed decision, beside two yardsticks."""
    with (
        tempfile.TemporaryDirectory() as models,
        on_a_broker(bootstrap_servers, schema_registry_url) as broker,
    ):
        place = Place(broker, publish_bundle(models, forest(Workload(20_000, 1_000))), "bench")
        rates = rate or [*latency.RATES, latency.half_of_most(place)]
        _say(latency.HEADING)
        found = latency.measure(place, rates, rounds, seconds, _say)
    ratios = latency.ratios(found)
    for each, over in ratios.items():
        _say(f"at {each}/s the detector over the pass-through: p50 {over['p50']:.2f}, p99 {over['p99']:.2f}")
    if as_json:
        typer.echo(json.dumps({"ratios": ratios, "figures": [asdict(one) for one in found]}))


@app.command("images")
def images_command(
    tag: Annotated[str, typer.Option(metavar="TAG", help="Of the images fraudstream-….")] = "latest",
    rounds: Rounds = 5,
    as_json: AsJson = False,
) -> None:
    """Size of the images that docker has, and seconds until the program in a container answers."""
    found = images.measure(tag, rounds)
    _say(f"{'image':<32}{'MB':>8}{'python, s':>12}{'--help, s':>12}")
    for one in found:
        _say(f"{one.name:<32}{one.megabytes:>8,.0f}{one.python_s:>12.2f}{one.start_s:>12.2f}")
    if as_json:
        typer.echo(json.dumps({"images": [asdict(one) for one in found]}))


def _say(line: str) -> None:
    typer.echo(line)
