"""The `fraudstream` command where a part is not installed, as in an image of one service."""

import sys
from importlib import import_module
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from fraud_core.errors import ConfigError
from fraud_local.cli import COMMANDS, app


def test_a_command_says_what_it_lacks_when_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "demo", "no_such_part.cli")

    _refused("`fraudstream demo` needs no_such_part, which this installation lacks")


def test_a_command_says_what_it_lacks_when_it_imports_it_late(monkeypatch: pytest.MonkeyPatch) -> None:
    module, command = ModuleType("late_cli"), typer.Typer()
    command.command()(lambda: import_module("no_such_part"))
    monkeypatch.setattr(module, "app", command, raising=False)
    monkeypatch.setitem(sys.modules, "late_cli", module)
    monkeypatch.setitem(COMMANDS, "demo", "late_cli")

    _refused("`fraudstream demo` needs no_such_part, which this installation lacks")


def _refused(words: str) -> None:
    result = CliRunner().invoke(app, ["demo"])

    assert isinstance(result.exception, ConfigError)
    assert words in str(result.exception)
