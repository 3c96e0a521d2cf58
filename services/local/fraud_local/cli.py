"""The `fraudstream` command: finds each subcommand in the service it belongs to.

Subcommands are imported when they are asked for, so that an image that holds one service can run its own
and says which part is missing for the others, and so that `--help` answers at once.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from fraud_core.cli import run
from fraud_core.errors import ConfigError


@dataclass(frozen=True)
class Command:
    """Where a subcommand lives, and what its own help begins with."""

    module: str
    says: str


COMMANDS = {
    "demo": Command(
        "fraud_local.demo.cli", "Run the whole pipeline on this machine and hold it against the truth."
    ),
    "try": Command(
        "fraud_local.try_cli",
        "Send one transaction, which happens now, and print the decision and how long it took.",
    ),
    "stack": Command(
        "fraud_local.stack.cli",
        "A real Kafka broker and schema registry on this machine, without Docker or Java.",
    ),
    "setup": Command(
        "fraud_core.setup_cli",
        "Create the topics, register the schemas, and write the pipeline's first rollout.",
    ),
    "topics": Command("fraud_local.topics_cli", "What is on the topics."),
    "dlq": Command("fraud_local.dlq.cli", "Dead letters: look at them, and resubmit them after a fix."),
    "producer": Command("fraud_producer.cli", "Produce transactions: simulated ones, or a file's."),
    "detector": Command("fraud_detector.cli", "Decide transactions, exactly once, until SIGTERM or Ctrl-C."),
    "trainer": Command("fraud_trainer.cli", "What the Jobs of a FraudModel run."),
    "operator": Command(
        "fraud_operator.cli", "Train and roll out what FraudModels ask for, until SIGTERM or Ctrl-C."
    ),
    "models": Command(
        "fraud_local.models.cli",
        "Which versions of the model there are, which one decides, and which is tried.",
    ),
    "drift": Command(
        "fraud_local.models.drift_cli",
        "Tell which features, and whether the score, have moved away from what the model was trained on.",
    ),
    "train-baseline": Command(
        "fraud_local.baseline_cli",
        "Train the Isolation Forest that a new installation begins with, on simulated customers.",
    ),
    "train": Command(
        "fraud_local.train.cli",
        "Train a model on what detectors logged and what became of it, and publish it.",
    ),
    "backtest": Command(
        "fraud_local.backtest.cli",
        "Train on the past of a history, decide what came after, and hold it against the truth.",
    ),
    "bench": Command(
        "fraud_local.bench.cli",
        "Measure the detector beside other ways to do its work, in one run, on a real broker.",
    ),
    "chaos": Command(
        "fraud_local.chaos.cli",
        "Break the pipeline in every way and prove that its decisions are none the worse.",
    ),
}


class LazyGroup(TyperGroup):
    """A group whose subcommands live in modules of their own, each with a typer app named `app`."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer keeps the type to itself
        """In the order of a first visit, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer keeps the types to itself
        """A name and a line of help: to list all needs no model library, and all parts need not be there."""
        del ctx
        known = COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=known.says) if known else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer keeps the types to itself
        """Import the module of the subcommand that is asked for.

        Raises:
            ConfigError: this installation lacks the part that the subcommand needs.
        """
        name, _, rest = super().resolve_command(ctx, args)
        return name, imported(name) if name else None, rest

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps the types to itself
        """Run the subcommand, which may import what it needs only now.

        Raises:
            ConfigError: this installation lacks the part that the subcommand needs.
        """
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _lacking(ctx.invoked_subcommand, error) from error


def imported(name: str) -> Any:  # noqa: ANN401 - typer keeps the type to itself
    """The subcommand of this name, whole.

    Raises:
        ConfigError: this installation lacks the part that it needs.
    """
    try:
        module = import_module(COMMANDS[name].module)
    except ModuleNotFoundError as error:
        raise _lacking(name, error) from error
    command = typer.main.get_command(module.app)
    command.name = name
    return command


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
