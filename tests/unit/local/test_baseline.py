"""The model of a new installation: what it is trained on, that it repeats, and what the command says."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fraud_core.errors import ConfigError
from fraud_core.features import FEATURES
from fraud_core.models import Bundle, fetch_bundle
from fraud_core.rules import load_rules
from fraud_local.baseline import Baseline, train_baseline
from fraud_local.baseline_cli import app

SMALL = ("--days", "36", "--customers", "40", "--seed", "3")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle, list[int]]:
    days: list[int] = []
    wanted = Baseline(seed=3, days=36, customers=40, threshold=0.02, rules=load_rules())
    output = tmp_path_factory.mktemp("models")
    published, bundle = train_baseline(output, wanted, days.append)
    return output / published.version, bundle, days


def command(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def test_what_it_publishes_is_a_bundle_that_a_detector_loads(
    trained: tuple[Path, Bundle, list[int]],
) -> None:
    folder, bundle, _ = trained

    loaded = fetch_bundle(folder, bundle.sha256)

    assert loaded.version == bundle.version
    assert set(loaded.manifest.features) <= set(FEATURES)


def test_the_first_thirty_days_only_fill_the_windows(trained: tuple[Path, Bundle, list[int]]) -> None:
    window = trained[1].manifest.window

    assert (window.start.isoformat(), window.end.isoformat(), trained[1].manifest.data_until.isoformat()) == (
        "2025-01-31T00:00:00+00:00",
        "2025-02-04T00:00:00+00:00",
        "2025-02-06T00:00:00+00:00",
    )
    assert trained[2] == list(range(1, 37))


def test_the_tutorials_rules_are_reported_beside_the_model(trained: tuple[Path, Bundle, list[int]]) -> None:
    metrics = trained[1].manifest.metrics

    assert 0 < metrics["alert_rate_model"] <= 0.02
    assert metrics["alert_rate_rules"] > 0
    assert metrics["alert_rate_union"] >= max(metrics["alert_rate_model"], metrics["alert_rate_rules"])


def test_too_few_days_are_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"7 days are too few: 30 fill the features' windows.*at least 33"):
        train_baseline(tmp_path, Baseline(days=7), lambda _: pytest.fail("simulated"))


def test_the_same_arguments_give_the_same_digest_in_another_process(tmp_path: Path) -> None:
    summaries = []
    for hash_seed in ("1", "2"):
        arguments = ["train-baseline", *SMALL, "--output", str(tmp_path / hash_seed), "--json"]
        done = subprocess.run(
            [sys.executable, "-c", "from fraud_local.cli import main; main()", *arguments],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        summaries.append(json.loads(done.stdout))

    assert summaries[0]["sha256"] == summaries[1]["sha256"]
    assert summaries[0]["version"] == summaries[1]["version"]


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    digests = {
        json.loads(command(*SMALL[:4], "--seed", seed, "--output", str(tmp_path), "--json").stdout)["sha256"]
        for seed in ("3", "4")
    }

    assert len(digests) == 2


def test_it_prints_what_lets_it_decide_in_a_new_pipeline_and_what_tries_it_in_another(tmp_path: Path) -> None:
    result = command(*SMALL, "--output", str(tmp_path / "my models"))

    assert result.exit_code == 0
    first, other = (
        shlex.split(line) for line in result.stdout.splitlines() if line.startswith("  fraudstream ")
    )
    assert first[:3] == ["fraudstream", "setup", "--baseline-url"]
    assert first[4] == "--baseline-sha256"
    assert fetch_bundle(first[3], first[5]).version in result.stdout
    assert other[:3] == ["fraudstream", "models", "publish"]
    assert f"file://{other[3]}" == first[3]
    assert "alerts   model 0." in result.stdout


def test_rules_that_exceed_the_budget_are_named(tmp_path: Path) -> None:
    result = command(*SMALL, "--output", str(tmp_path), "--threshold", "0.001")

    said = next(line for line in result.stdout.splitlines() if "The rules alone" in line)
    assert re.search(
        r"of the traffic, over the budget of 0.10%: high_amount \S+%, location_change \S+%\.", said
    )


def test_the_tutorials_threshold_alerts_on_far_more(tmp_path: Path) -> None:
    result = command(*SMALL, "--output", str(tmp_path), "--threshold", "tutorial", "--json")

    summary = json.loads(result.stdout)
    assert summary["threshold_rule"] == "tutorial"
    assert summary["metrics"]["alert_rate_model"] > 0.05


@pytest.mark.parametrize("threshold", ["0", "1", "7", "-0.1", "nan", "much"])
def test_a_threshold_that_is_no_share_is_refused(threshold: str) -> None:
    result = command("--threshold", threshold)

    assert result.exit_code == 2
    assert "nor `tutorial`" in " ".join(result.output.replace("│", " ").split())
