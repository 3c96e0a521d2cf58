"""Training from a file: what comes out, that it repeats, and that a detector takes it."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from fraud_core.errors import BundleError, ConfigError, InputError
from fraud_core.features import FEATURES
from fraud_core.models import fetch_bundle
from fraud_local.train.cli import app
from tests.support.histories import MAPPING, history, written

YEARS = 3
BOOSTING = ("--algorithm", "hist_gradient_boosting", "--set", "max_iter=20")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(history(), tmp_path_factory.mktemp("history"))


def given(path: Path, output: Path) -> list[str]:
    flags = ("--map", MAPPING, "--label", "IS_FRAUD", "--label-delay", "3d", "--threshold", "0.05")
    rejects = str(path.with_suffix(".rejects"))
    return ["--input", str(path), *flags, "--rejects", rejects, "--output", str(output)]


def command(path: Path, output: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*given(path, output), *arguments], catch_exceptions=False)


def trained(path: Path, output: Path, *arguments: str) -> dict[str, Any]:
    result = command(path, output, *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    return found


def made_up(rows: int = 200) -> Any:
    values = np.random.default_rng(0).lognormal(3.0, 1.0, (len(FEATURES), rows))
    values[:, ::3] = np.nan
    return values


@pytest.mark.parametrize(
    "arguments",
    [
        ("--algorithm", "isolation_forest"),
        ("--algorithm", "random_forest", "--set", "n_estimators=10"),
        ("--algorithm", "extra_trees", "--set", "n_estimators=10"),
        BOOSTING,
        ("--algorithm", "logistic_regression"),
        ("--set", "n_estimators=10", "--set", "max_iter=10", "--set", "isolation_forest=0.5"),
    ],
    ids=lambda arguments: arguments[1].replace("n_estimators=10", "ensemble"),
)
def test_a_detector_loads_what_was_trained_and_scores_with_it(
    path: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    found = trained(path, tmp_path, *arguments)

    model = fetch_bundle(found["url"], found["sha256"])
    values = made_up()
    scores = model.score(values)

    alone = np.concatenate([model.score(values[:, [row]]) for row in range(values.shape[1])])
    np.testing.assert_array_equal(scores, alone)
    assert ((scores > 0) & (scores < 1)).all()
    probabilities = model.probabilities(scores)
    if arguments[1] == "isolation_forest":
        assert probabilities is None
    else:
        assert probabilities is not None
        assert (np.diff(probabilities[np.argsort(scores)]) >= 0).all()


def test_rows_that_are_left_out_are_said(tmp_path: Path) -> None:
    path = written(history().with_columns(IS_FRAUD=pl.col("IS_FRAUD") + pl.int_range(pl.len()) % 2), tmp_path)

    found = trained(path, tmp_path / "models", "--algorithm", "logistic_regression")
    lines = command(path, tmp_path / "models", "--algorithm", "logistic_regression").stdout

    (said,) = (one for one in found["warnings"] if "left out" in one)
    assert "the label '2' is neither fraud (1) nor legitimate (0)" in said
    assert found["rejected"]["rows"] > 100
    assert found["rejected"]["listed"] == str(path.with_suffix(".rejects"))
    assert f"warning  {said}" in lines


def test_rows_that_repeat_an_id_are_said(tmp_path: Path) -> None:
    path = written(history().with_columns(ID=pl.lit("same")), tmp_path)

    found = trained(path, tmp_path / "models", "--algorithm", "logistic_regression")

    (said,) = (one for one in found["warnings"] if "transaction_id" in one)
    assert f"{history().height - 1:,} rows" in said


def test_a_window_of_nothing_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--window must be more than 0"):
        command(path, tmp_path, "--window", "0d")


def test_the_same_data_and_seed_give_the_same_digest_and_another_seed_another(
    path: Path, tmp_path: Path
) -> None:
    first, again = (trained(path, tmp_path / str(turn), *BOOSTING) for turn in range(2))
    other = trained(path, tmp_path, *BOOSTING, "--seed", "1")

    assert first["sha256"] == again["sha256"]
    assert other["sha256"] != first["sha256"]


def test_it_is_judged_on_the_end_of_the_window_beside_the_champion(path: Path, tmp_path: Path) -> None:
    champion = trained(path, tmp_path, "--algorithm", "isolation_forest")

    found = trained(
        path, tmp_path, *BOOSTING, "--champion-url", champion["url"], "--champion-sha256", champion["sha256"]
    )

    assert found["champion"] == champion["version"]
    metrics = found["metrics"]
    assert metrics["average_precision"] > metrics["champion_average_precision"] > 0
    assert fetch_bundle(found["url"], found["sha256"]).manifest.parent_version == champion["version"]


def test_the_alerts_of_model_and_rules_together_fit_the_budget(path: Path, tmp_path: Path) -> None:
    assert trained(path, tmp_path, *BOOSTING)["metrics"]["alert_rate_union"] <= 0.05


def test_the_report_is_one_page_with_its_plots(path: Path, tmp_path: Path) -> None:
    found = trained(path, tmp_path, *BOOSTING, "--report", str(tmp_path / "reports" / "page.html"))

    page = (tmp_path / "reports" / "page.html").read_text()
    assert found["version"] in page
    assert page.count("data:image/png;base64,") == 4
    assert "http://" not in page
    assert "https://" not in page


def test_it_says_which_rows_figures_are_of_how_long_scoring_takes_and_which_frauds_are_found(
    path: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    arguments = (*BOOSTING, "--scenario", "KIND", "--report", str(page))

    found = trained(path, tmp_path, *arguments)
    printed = command(path, tmp_path, *arguments).stdout

    evaluation = found["evaluation"]
    assert evaluation["gap_days"] == 3
    assert evaluation["validation_frauds"] > 10 < evaluation["test_frauds"]
    assert evaluation["scenarios"].keys() == {"amount", "shop"}
    assert sum(one["frauds"] for one in evaluation["scenarios"].values()) == evaluation["test_frauds"]
    assert found["scoring_us"] > 0
    assert "scoring_us" not in found["metrics"]
    said = f"tested on {evaluation['test_rows']:,} rows with {evaluation['test_frauds']} frauds, 3 days after"
    for text in (printed, page.read_text()):
        assert said in text
        assert "recall of shop" in text
    assert "scoring_us" in printed
    assert "To score a transaction took" in page.read_text()


def test_it_says_where_figures_flatter(path: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = (*BOOSTING, "--window", "6d", "--report", str(page))

    remark = trained(path, tmp_path, *arguments)["warnings"][0]

    assert "training window" in remark
    assert remark in command(path, tmp_path, *arguments).stdout
    assert remark in page.read_text()


def test_it_prints_how_to_go_on(path: Path, tmp_path: Path) -> None:
    lines = command(path, tmp_path, *BOOSTING).stdout.splitlines()

    assert lines[-1].strip().startswith("fraudstream models publish ")
    assert Path(lines[-1].split()[-1]).is_dir()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--algorithm", "oracle"), ConfigError, "There is no algorithm oracle"),
        (("--algorithm", "isolation_forest", "--set", "depth=3"), ConfigError, "There are n_estimators"),
        (("--set", "depth"), ConfigError, "write name=value"),
        (("--champion-url", "models/x"), ConfigError, "go together"),
        (
            ("--algorithm", "isolation_forest", "--without-rule", "a"),
            ConfigError,
            "reads no rules, so a can't",
        ),
        (("--until", "2026-01-02"), InputError, "would end before it"),
        (
            ("--algorithm", "isolation_forest", "--threshold", "100/1"),
            ConfigError,
            "Costs need probabilities",
        ),
    ],
)
def test_what_cannot_be_is_said_with_what_can(
    path: Path, tmp_path: Path, arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        command(path, tmp_path, *arguments)


def test_a_rule_that_is_not_there_is_told_before_the_history_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no rule odd with action `signal` to leave out; there is none"):
        command(tmp_path / "nowhere.csv", tmp_path, *BOOSTING, "--without-rule", "odd")


@pytest.mark.parametrize("flag", ["--map", "--label", "--scenario", "--rejects"])
def test_what_goes_with_a_file_is_refused_without_one(flag: str) -> None:
    with pytest.raises(ConfigError, match=f"{flag} goes with --input"):
        CliRunner().invoke(app, [flag, "user=x"], catch_exceptions=False)


@pytest.mark.parametrize(
    "words", [("--max-rows", "1000"), ("--patience", "5m"), ("--pipeline", "fraud-detector")]
)
def test_what_goes_with_kafka_is_refused_with_a_file(tmp_path: Path, words: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match=f"{words[0]} does nothing with --input"):
        command(tmp_path / "nowhere.csv", tmp_path, *words)


def test_a_pipeline_that_the_environment_names_is_no_hindrance_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_PIPELINE", "another")
    with pytest.raises(InputError, match="There is no file"):
        command(tmp_path / "nowhere.csv", tmp_path)


def test_what_learns_from_labels_asks_for_them_before_the_history_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--label COLUMN\. Or train an isolation_forest"):
        CliRunner().invoke(app, ["--input", str(tmp_path / "nowhere.csv")], catch_exceptions=False)


@pytest.mark.parametrize("flag", ["--output", "--report"])
def test_what_cannot_be_written_is_told_before_the_history_is_read(tmp_path: Path, flag: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"{flag} .* can't be written to"):
        command(tmp_path / "nowhere.csv", tmp_path / "models", flag, str(tmp_path / "file" / "in_it"))


def test_nothing_is_left_behind_where_no_history_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--input", "nowhere.csv", "--map", MAPPING, "--label", "y", "--report", "deep/er/r.html")
    with pytest.raises(InputError, match=r"no file nowhere\.csv"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_hides_nothing_of_what_was_published(
    path: Path, tmp_path: Path
) -> None:
    full = tmp_path / "report.html"
    full.symlink_to("/dev/full")
    words = (*BOOSTING, "--json", "--report", str(full))

    result = CliRunner().invoke(app, [*given(path, tmp_path / "models"), *words])

    assert isinstance(result.exception, ConfigError)
    assert (tmp_path / "models" / orjson.loads(result.stdout)["version"]).is_dir()


def test_a_bundle_under_a_wrong_digest_is_refused(path: Path, tmp_path: Path) -> None:
    found = trained(path, tmp_path, "--algorithm", "logistic_regression")

    with pytest.raises(BundleError, match="was expected"):
        fetch_bundle(found["url"], "0" * 64)


def test_help_needs_no_machine_learning() -> None:
    result = CliRunner().invoke(app, ["--help"], env={**os.environ, "COLUMNS": "200"})

    assert result.exit_code == 0
    assert "--label-maturity" in result.stdout


def test_of_a_long_history_the_last_month_is_trained_on(tmp_path: Path) -> None:
    days = 365 * YEARS
    past = history(days, a_day=20).with_columns(pl.col("AT") - timedelta(days=days))

    found = trained(written(past, tmp_path), tmp_path / "models", "--algorithm", "isolation_forest")

    assert found["version"].startswith("isolation_forest")


def test_a_window_longer_than_the_history_judges_what_there_is_and_is_said(
    path: Path, tmp_path: Path
) -> None:
    found = trained(path, tmp_path, "--algorithm", "logistic_regression", "--window", "400d")

    assert "average_precision" in found["metrics"]
    assert found["evaluation"]["test_rows"] > 100
    [late] = [one for one in found["warnings"] if "after the training window does" in one]
    assert "a wider one would have no more" in late


def test_a_model_that_can_alert_on_nothing_is_told(path: Path, tmp_path: Path) -> None:
    few = ("--algorithm", "hist_gradient_boosting", "--set", "max_iter=1", "--set", "max_leaf_nodes=2")

    found = trained(path, tmp_path, *few, "--threshold", "0.001")

    assert found["metrics"]["alert_rate_model"] == 0.0
    [said] = [one for one in found["warnings"] if one.startswith("The model alerts on nothing")]
    assert "the budget of 0.10% has no room for all of them. Raise --threshold, or the number" in said
