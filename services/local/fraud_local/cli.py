"""The `fraudstream` command: finds each subcommand in the service it belongs to.

Subcommands are imported when they are asked for, so that an image that holds one service can run its own
and says which part is missing for the others.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from fraud_core.cli import run
from fraud_core.errors import ConfigError

COMMANDS = {
    "demo": "fraud_local.demo.cli",
    "try": "fraud_local.try_cli",
    "stack": "fraud_local.stack.cli",
    "setup": "fraud_core.setup_cli",
    "topics": "fraud_local.topics_cli",
    "dlq": "fraud_local.dlq.cli",
    "producer": "fraud_producer.cli",
    "detector": "fraud_detector.cli",
    "trainer": "fraud_trainer.cli",
    "operator": "fraud_operator.cli",
    "models": "fraud_local.models.cli",
    "drift": "fraud_local.models.drift_cli",
    "train-baseline": "fraud_local.baseline_cli",
    "train": "fraud_local.train.cli",
    "backtest": "fraud_local.backtest.cli",
    "bench": "fraud_local.bench.cli",
    "chaos": "fraud_local.chaos.cli",
}


class LazyGroup(TyperGroup):
    """A group whose subcommands live in modules of their own, each with a typer app named `app`."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer keeps the type to itself
        """In the order of a first visit, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer keeps the types to itself
        """Import the subcommand's module.

        Raises:
            ConfigError: this installation lacks the part that the subcommand needs.
        """
        del ctx
        if cmd_name not in COMMANDS:
            return None
        try:
            module = import_module(COMMANDS[cmd_name])
        except ModuleNotFoundError as error:
            raise _lacking(cmd_name, error) from error
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps the types to itself
        """Run the subcommand, which may import what it needs only now.

        Raises:
            ConfigError: this installation lacks the part that the subcommand needs.
        """
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _lacking(ctx.invoked_subcommand, error) from error


def _lacking(command: str, error: ModuleNotFoundError) -> ConfigError:
    return ConfigError(
        f"`fraudstream {command}` needs {error.name}, which this installation lacks. "
        "Install the extra that brings it: fraudstream[local] brings all."
    )


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Real-time fraud detection on Kafka topics. Begin with `fraudstream demo`.",
)


@app.callback()
def _root() -> None:
    """Options come with the subcommands."""


def main() -> None:
    """Entry point of `fraudstream`."""
    run(app)
