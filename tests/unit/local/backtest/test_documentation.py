"""Every command of docs/backtest.md, and those of docs/models.md that need no broker, run as they stand."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraud_local.cli import app
from fraud_producer.simulator import FraudMix
from tests.support.histories import history, written

DOCS = Path(__file__).parents[4] / "docs"
KAFKA = "fraudstream train --algorithm ensemble --window 30d --report report.html"
"""Runs in tests/integration/local/test_train.py."""


def shown(page: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize(
    "command", [*shown("backtest.md"), *(one for one in shown("models.md") if one != KAFKA)]
)
def test_a_command_of_the_page_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(history(), tmp_path)
    program, *arguments = shlex.split(command)
    small = () if "--simulate" not in arguments else ("--customers", "40")

    result = CliRunner().invoke(app, [*arguments, *small], catch_exceptions=False)

    assert program == "fraudstream"
    assert result.exit_code == 0, result.output


def test_every_figure_of_the_page_is_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(history(), tmp_path)
    table = (DOCS / "backtest.md").read_text(encoding="utf-8").split("| figure | what it is |")[1]
    named = re.findall(
        r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines()[2:] if "|" in line)
    )

    result = CliRunner().invoke(app, [*shlex.split(shown("backtest.md")[0])[1:], "--json"])

    metrics = result.stdout.splitlines()[-1]
    assert named
    assert all(f'"{name}":' in metrics for name in named)


def test_the_table_of_the_simulator_has_all_its_kinds_of_fraud() -> None:
    table = (DOCS / "backtest.md").read_text(encoding="utf-8").split("| kind of fraud |")[1]
    kinds = re.findall(r"^\| (\w+_\w+) \|", table, flags=re.MULTILINE)

    assert kinds == sorted(FraudMix.model_fields)
