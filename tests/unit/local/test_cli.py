"""The `fraudstream` command where a part is not installed, as in an image of one service."""

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from fraud_core.errors import ConfigError
from fraud_local.cli import COMMANDS, Command, app, imported


def test_a_command_says_what_it_lacks_when_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "demo", Command("no_such_part.cli", ""))

    _refused("`fraudstream demo` needs no_such_part, which this installation lacks")


def test_a_command_says_what_it_lacks_when_it_imports_it_late(monkeypatch: pytest.MonkeyPatch) -> None:
    module, command = ModuleType("late_cli"), typer.Typer()
    command.command()(lambda: import_module("no_such_part"))
    monkeypatch.setattr(module, "app", command, raising=False)
    monkeypatch.setitem(sys.modules, "late_cli", module)
    monkeypatch.setitem(COMMANDS, "demo", Command("late_cli", ""))

    _refused("`fraudstream demo` needs no_such_part, which this installation lacks")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_what_its_own_help_begins_with(name: str) -> None:
    assert " ".join(imported(name).help.split()).startswith(COMMANDS[name].says)


def test_the_list_of_commands_needs_no_library_of_theirs() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from fraud_local.cli import app\n"
        "shown = CliRunner().invoke(app, ['--help']); assert 'train-baseline' in shown.output, shown\n"
        "print({'sklearn', 'matplotlib', 'numba', 'polars', 'confluent_kafka'} & set(sys.modules))"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "set()"


def _refused(words: str) -> None:
    result = CliRunner().invoke(app, ["demo"])

    assert isinstance(result.exception, ConfigError)
    assert words in str(result.exception)
