"""`fraudstream chaos`."""

import random
import sys
from typing import Annotated

import orjson
import typer

from fraud_core.cli import INTERRUPTED
from fraud_core.errors import ChaosError
from fraud_core.shutdown import on_signals

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SEEDS = 1_000_000
HELP = (
    "Break the pipeline in every way and prove that its decisions are none the worse.\n\n"
    "On an embedded stack of its own, three detectors work under load while detectors are killed and paused, "
    "broker and registry are stopped and killed, and poison is thrown. Then every record must have exactly "
    "one decision or dead letter, and all decisions must equal those of an undisturbed run.\n\n"
    "Ctrl-C goes to the proof at once, a second one ends without it.\n\n"
    "Example: fraudstream chaos --minutes 10"
)


@app.command(help=HELP)
def chaos(
    minutes: Annotated[float, typer.Option(min=0.2, help="How long it lasts before the proof.")] = 5.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed plans the same acts. Default: any.")
    ] = None,
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="Transactions a second.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Run it; HELP says what for."""
    # Imported late: `--help` and a wrong flag need neither polars nor the clients.
    from fraud_core import log  # noqa: PLC0415
    from fraud_core.settings import LogSettings  # noqa: PLC0415
    from fraud_local.chaos.result import lines  # noqa: PLC0415
    from fraud_local.chaos.run import Options, chaos  # noqa: PLC0415

    log.configure(LogSettings(level="ERROR"))
    log.hush_client()  # a broker that is away is no news here
    options = Options(minutes * 60, random.randrange(SEEDS) if seed is None else seed, rate)  # noqa: S311
    with on_signals() as asked:
        result = chaos(options, asked, _say)
    for line in lines(result):
        (_say if as_json else typer.echo)(line)
    if as_json:
        typer.echo(orjson.dumps(result.as_json(), option=orjson.OPT_NON_STR_KEYS))
    if result.differences is None:
        raise typer.Exit(INTERRUPTED)
    if not result.proven:
        raise ChaosError(f"{result.differences.count} differences; `--seed {options.seed}` plans it again.")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
