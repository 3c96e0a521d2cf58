"""What `fraudstream train` and `fraudstream backtest` both ask for."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from fraud_core.errors import ConfigError

if TYPE_CHECKING:
    from fraud_trainer.training import Threshold

TRAINING = "Training"
WEEK, MONTH = timedelta(days=7), timedelta(days=30)

AlgorithmFlag = Annotated[
    str, typer.Option(help="What to train; a wrong name lists all.", rich_help_panel=TRAINING)
]
SetFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A hyperparameter; may be repeated.", rich_help_panel=TRAINING
    ),
]
ThresholdFlag = Annotated[
    str,
    typer.Option(
        "--threshold",
        metavar="SHARE|MISSED/FALSE|tutorial",
        help="Share of the traffic that may be alerts, the rules' included; or what a missed fraud and a "
        "false alert cost; or `tutorial`.",
        rich_help_panel=TRAINING,
    ),
]
TrainingSeedFlag = Annotated[
    int, typer.Option(min=0, metavar="N", help="Of all that is drawn.", rich_help_panel=TRAINING)
]


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
