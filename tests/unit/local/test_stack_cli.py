"""The commands where nothing runs; those that start servers are tested in tests/integration."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraud_core.errors import ConfigError
from fraud_local.stack.cli import app

run = CliRunner().invoke


def test_status_says_that_nothing_runs_and_exits_with_3(tmp_path: Path) -> None:
    result = run(app, ["status", "--data-dir", str(tmp_path / "none")])

    assert result.exit_code == 3
    assert f"No stack runs on {tmp_path / 'none'}" in result.output
    assert "fraudstream stack up" in result.output


def test_status_for_programs_is_one_json_object(tmp_path: Path) -> None:
    result = run(app, ["status", "--json", "--data-dir", str(tmp_path)])

    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"running": False, "data_dir": str(tmp_path)}


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    result = run(app, ["down", "--data-dir", str(tmp_path)])

    assert result.exit_code == 0
    assert result.output == f"No stack runs on {tmp_path}.\n"


def test_looking_makes_no_directory(tmp_path: Path) -> None:
    run(app, ["status", "--data-dir", str(tmp_path / "none")])
    run(app, ["down", "--data-dir", str(tmp_path / "none")])

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names are what is asked


def test_the_data_directory_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_DATA_DIR", str(tmp_path))

    result = run(app, ["status", "--json"])

    assert json.loads(result.stdout)["data_dir"] == str(tmp_path / "stack")


def test_a_port_that_cannot_be_is_refused() -> None:
    result = run(app, ["up", "--port", "70000"])

    assert result.exit_code == 2


def test_up_refuses_a_directory_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    result = run(app, ["up", "--data-dir", str(tmp_path)])

    assert isinstance(result.exception, ConfigError)
