"""Flags that say what to produce, for every command that produces: their names, limits and help."""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fraud_core import durations

SIMULATION, REPLAY = "Simulation", "Replay of a file"


class Profile(StrEnum):
    """Simulations."""

    SEED = "seed"
    REALISTIC = "realistic"


def _speed(text: str) -> float:
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise typer.BadParameter(f"{text!r} is no speed; write a number above 0, as in 3600, or max.")
    return speed


ProfileFlag = Annotated[
    Profile | None,
    typer.Option(
        help="seed: the tutorial's values, one each 0.5 s. realistic (default): customers with habits, "
        "shops, and labelled fraud among them.",
        rich_help_panel=SIMULATION,
    ),
]
ClockFlag = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        metavar="N",
        help="Simulated seconds a second, 3600 by default; at now it goes on in real time.",
        rich_help_panel=SIMULATION,
    ),
]
SeedFlag = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Same seed and start, same stream. Default: another one each time, shown.",
        rich_help_panel=SIMULATION,
    ),
]
CustomersFlag = Annotated[
    int | None,
    typer.Option(
        min=10,
        metavar="N",
        help="Customers at any one time. Default: 2000, or as many as give the --rate at the --clock.",
        rich_help_panel=SIMULATION,
    ),
]
FraudShareFlag = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=0.2,
        metavar="SHARE",
        help="Share of fraud among the transactions, 0.003 by default.",
        rich_help_panel=SIMULATION,
    ),
]
StartFlag = Annotated[
    datetime | None,
    typer.Option(
        parser=durations.moment,
        metavar="TIME",
        help="Event time of the beginning, UTC. Default: 30 days ago, and --history before that.",
        rich_help_panel=SIMULATION,
    ),
]
DaysFlag = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        metavar="N",
        help="Stop after so many simulated days, not counting --history.",
        rich_help_panel=SIMULATION,
    ),
]
InputFlag = Annotated[
    Path | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Replay this history (.csv, .csv.gz, .parquet or .jsonl) in event-time order.",
        rich_help_panel=REPLAY,
    ),
]
MapFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN,…",
        help="Which column feeds which field: user, amount and timestamp at least; others are null. "
        "Without transaction_id, ids are made of file name and row number.",
        rich_help_panel=REPLAY,
    ),
]
SpeedFlag = Annotated[
    float | None,
    typer.Option(
        parser=_speed,
        metavar="N|max",
        help="So many times as fast as it happened; max (default) is flat out.",
        rich_help_panel=REPLAY,
    ),
]
LabelFlag = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column that says which rows are fraud (1, true, fraud) or not (0, false, legitimate): "
        "labels for the topic fraud_labels. Without it there are none.",
        rich_help_panel=REPLAY,
    ),
]
LabelDelayFlag = Annotated[
    timedelta | None,
    typer.Option(
        parser=durations.duration,
        metavar="7d",
        help="How long after its transaction a label becomes known, 7d by default.",
        rich_help_panel=REPLAY,
    ),
]
LabelFraudsOnlyFlag = Annotated[
    bool,
    typer.Option("--label-frauds-only", help="No labels for legitimate rows.", rich_help_panel=REPLAY),
]
ScenarioFlag = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column that names the kind of fraud, for the report.",
        rich_help_panel=REPLAY,
    ),
]
RejectsFlag = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Where to list the rows that can't be mapped, and why. Default: FILE.rejects.jsonl here.",
        rich_help_panel=REPLAY,
    ),
]
