"""A backtest on a small history: what it prints, that it repeats, and that nothing leaks from the future."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from fraud_core.errors import ConfigError, InputError
from fraud_core.features import FEATURES
from fraud_core.rules import load_rules
from fraud_local.backtest.cli import app
from fraud_local.backtest.engine import replayed
from fraud_local.train.cli import app as train
from fraud_producer.replay import parse_mapping, read_history
from fraud_trainer.rows import Rows
from tests.support.histories import MAPPING, START, history, written

DELAY = timedelta(days=3)
IGNORANT = ("--without-label-features", "--algorithm", "isolation_forest", "--set", "merchant_risk=true")
TEST_FROM = START + timedelta(days=45)
FLAGS = (
    "--map", MAPPING, "--label", "IS_FRAUD", "--scenario", "KIND", "--label-delay", "3d",
    "--train-window", "30d", "--test-from", f"{TEST_FROM:%Y-%m-%d}", "--threshold", "0.05", "--rejects",
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(history(), tmp_path_factory.mktemp("history"))


def command(path: Path, *arguments: str) -> Any:
    return CliRunner().invoke(
        app,
        ["--input", str(path), *FLAGS, str(path.with_suffix(".rejects")), *arguments],
        catch_exceptions=False,
    )


def document(path: Path, *arguments: str) -> dict[str, Any]:
    result = command(path, *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    return found


def engine(frame: pl.DataFrame, folder: Path, delay: timedelta = DELAY) -> Rows:
    past = read_history(
        written(frame, folder), parse_mapping([MAPPING]), label="IS_FRAUD", label_delay=delay,
        rejects=folder / "rejects",
    )  # fmt: skip
    return replayed(past, load_rules(), label_delay=delay, keep_from=START)


def test_the_last_line_has_the_metrics(path: Path) -> None:
    result = command(path, "--algorithm", "hist_gradient_boosting")

    last = result.stdout.splitlines()[-1]
    assert last.startswith("metrics: ")
    metrics = orjson.loads(last.removeprefix("metrics: "))
    assert metrics["average_precision"] > 0.8
    assert metrics["roc_auc"] > 0.9
    assert 0 < metrics["card_precision_at_100"] < 1


def test_it_says_what_was_trained_on_and_what_was_not(path: Path) -> None:
    found = document(path, "--algorithm", "logistic_regression")

    assert found["trained"]["from"] == "2026-01-13T00:00:00"
    assert found["trained"]["until"] == "2026-02-12T00:00:00"
    assert found["warm_up_days"] == pytest.approx(12, abs=0.01)
    assert "windows of 30 days were not full" in found["warnings"][0]
    assert found["judged"]["transactions"] == history().filter(pl.col("AT") >= TEST_FROM).height


def test_the_ensemble_is_reported_beside_its_members_the_rules_and_both_together(path: Path) -> None:
    found = document(path, "--set", "n_estimators=20", "--set", "max_iter=20")

    assert set(found["members"]) == {"extra_trees", "hist_gradient_boosting", "logistic_regression"}
    assert found["union"]["alert_rate"] >= found["rules"]["alert_rate"]
    assert set(found["scenarios"]) == {"amount", "shop"}
    assert found["metrics"]["average_precision"] > 0.8


def test_unsupervised_it_knows_of_merchants_only_where_it_may(path: Path) -> None:
    knowing = document(path, "--algorithm", "isolation_forest", "--seeds", "2")
    ignorant = document(path, "--algorithm", "isolation_forest", "--without-label-features")

    assert knowing["metrics"]["average_precision"] > ignorant["metrics"]["average_precision"]
    assert ignorant["scenarios"]["shop"]["recall"] < 0.2 < knowing["scenarios"]["shop"]["recall"]
    assert "average_precision_spread" in knowing["metrics"]


def test_rules_that_use_up_the_budget_alone_are_named(path: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict.yaml"
    strict.write_text("- {name: many, expression: amount > 20, reason: Many}\n")

    found = document(path, "--algorithm", "logistic_regression", "--rules", str(strict))

    said = f"{found['rules']['alert_rate']:.2%}"
    assert any(
        f"alert on {said} of the traffic, over the budget of 5.00%: many {said}." in warning
        for warning in found["warnings"]
    )


def test_rows_that_are_left_out_and_how_few_frauds_remain_is_said(tmp_path: Path) -> None:
    fraud, chosen = pl.col("IS_FRAUD") == 1, pl.int_range(pl.len()) % 25 == 0
    kinds = pl.when(fraud & ~chosen).then(2).otherwise("IS_FRAUD")
    path = written(history().with_columns(IS_FRAUD=kinds), tmp_path)

    result = command(path, "--algorithm", "logistic_regression", "--json")

    found = orjson.loads(result.stdout.splitlines()[-1])
    lost = history().height - found["transactions"]
    assert found["rejected"]["rows"] == lost > 200
    assert found["rejected"]["first"].endswith("the label '2' is neither fraud (1) nor legitimate (0)")
    assert found["rejected"]["listed"] == str(path.with_suffix(".rejects"))
    assert found["warnings"][-1].startswith("there are only ")
    assert f"warning   {lost} rows of {path} can't be mapped and are left out. Row " in result.stderr


def test_a_wrong_label_column_is_told_by_the_rows_that_it_left_out(tmp_path: Path) -> None:
    amounts = history().with_columns(IS_FRAUD=pl.when(pl.col("AMT") > 22).then("AMT").otherwise(1.0))
    path = written(amounts, tmp_path)
    given = ("--map", MAPPING, "--label", "IS_FRAUD", "--rejects", str(tmp_path / "rejects"))

    for command in (app, train):
        with pytest.raises(InputError, match=r"are frauds: there is nothing to tell apart") as told:
            CliRunner().invoke(command, ["--input", str(path), *given], catch_exceptions=False)

        assert "can't be mapped and are left out. Row " in str(told.value)
        assert "is neither fraud (1) nor legitimate (0)" in str(told.value)
        assert str(told.value).endswith(f"See {tmp_path / 'rejects'}.")


def test_an_older_isolation_forest_reads_no_label_where_it_shall_not(path: Path) -> None:
    older = ("--algorithm", "isolation_forest", "--set", "reach=4", "--without-label-features")

    one = document(path, *older)
    other = document(path, *older, "--set", "merchant_risk=false", "--set", "merchant_evidence=false")

    assert one["metrics"]["average_precision"] == other["metrics"]["average_precision"]


def test_one_seed_gives_one_bundle(path: Path) -> None:
    once = document(path, "--algorithm", "random_forest", "--set", "n_estimators=10")
    again = document(path, "--algorithm", "random_forest", "--set", "n_estimators=10")

    assert once["trained"]["versions"] == again["trained"]["versions"]


def test_retraining_makes_a_model_for_each_interval(path: Path) -> None:
    found = document(path, "--algorithm", "hist_gradient_boosting", "--retrain", "7d")

    assert len(set(found["trained"]["versions"])) == 3  # for the 15 days from day 45 on


def test_a_stretch_without_transactions_is_not_trained_for(tmp_path: Path) -> None:
    gap = pl.col("AT").is_between(TEST_FROM + timedelta(days=3), TEST_FROM + timedelta(days=9))
    path = written(history().filter(~gap), tmp_path)

    found = document(path, "--algorithm", "logistic_regression", "--retrain", "3d")

    assert len(set(found["trained"]["versions"])) == 3  # of the five intervals two are empty


def test_shuffled_labels_find_about_as_much_as_chance(path: Path) -> None:
    found = document(path, "--algorithm", "random_forest", "--shuffle-labels", "--without-label-features")

    base_rate = found["judged"]["frauds"] / found["judged"]["transactions"]
    assert found["metrics"]["average_precision"] < 3 * base_rate


def test_two_algorithms_or_two_rule_files_stand_side_by_side(path: Path, tmp_path: Path) -> None:
    rules = tmp_path / "mine.yaml"
    rules.write_text("- {name: large, expression: amount > 100, reason: Large}\n")

    algorithms = document(path, "--algorithm", "logistic_regression", "--against", "isolation_forest")
    files = document(path, "--algorithm", "logistic_regression", "--against", str(rules))

    assert algorithms["against"]["name"] == "isolation_forest"
    assert algorithms["against"]["metrics"] != algorithms["metrics"]
    assert files["against"]["rules"]["alert_rate"] != files["rules"]["alert_rate"]
    assert files["against"]["metrics"]["roc_auc"] == files["metrics"]["roc_auc"]


def test_it_trains_on_thirty_days_unless_told_otherwise(path: Path) -> None:
    rejects = str(path.with_suffix(".rejects"))
    given = ("--map", MAPPING, "--label", "IS_FRAUD", "--test-from", "2026-02-20", "--rejects", rejects)
    result = CliRunner().invoke(
        app, ["--input", str(path), *given, "--algorithm", "logistic_regression", "--json"]
    )

    found = orjson.loads(result.stdout.splitlines()[-1])
    assert (found["trained"]["from"], found["trained"]["until"]) == (
        "2026-01-14T00:00:00",
        "2026-02-13T00:00:00",
    )


def test_costs_set_the_threshold_by_probability(path: Path) -> None:
    cheap = document(path, "--algorithm", "logistic_regression", "--threshold", "1000/1")
    dear = document(path, "--algorithm", "logistic_regression", "--threshold", "2/1")

    assert cheap["metrics"]["alert_rate"] > dear["metrics"]["alert_rate"]
    assert cheap["metrics"]["precision"] < dear["metrics"]["precision"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--algorithm", "oracle"), ConfigError, "There is no algorithm oracle. There are isolation_forest"),
        (("--set", "trees=3"), ConfigError, "hyperparameters of ensemble can't be used: trees = 3"),
        (("--against", "oracle"), ConfigError, "neither a rule file"),
        (("--test-from", "2027-01-01"), InputError, "nothing is left to be judged"),
        (("--test-from", "2026-01-02"), InputError, "nothing is known to train on"),
        (
            ("--test-until", "2026-02-14"),
            ConfigError,
            "--test-until 2026-02-14 00:00 is not after --test-from",
        ),
        (("--train-window", "0"), ConfigError, "--train-window must be more than 0"),
        (("--retrain", "59m"), ConfigError, "--retrain must be an hour or more"),
        (
            ("--algorithm", "random_forest", "--threshold", "tutorial"),
            ConfigError,
            "the isolation_forest's alone",
        ),
    ],
)
def test_what_cannot_be_is_said_with_what_can(
    path: Path, arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        command(path, *arguments)


def test_without_a_label_it_asks_for_one(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"says which rows are fraud: --label COLUMN\."):
        CliRunner().invoke(app, ["--input", str(path), "--map", MAPPING], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--algorithm", "oracle"), "There is no algorithm oracle"),
        (("--set", "trees=3"), "can't be used: trees = 3"),
        (("--threshold", "tutorial"), "the isolation_forest's alone"),
        (("--algorithm", "isolation_forest", "--threshold", "100/1"), "Costs need probabilities"),
        (("--against", "isolation_forest", "--threshold", "100/1"), "Costs need probabilities"),
        (IGNORANT, "--set merchant_risk=true has an isolation_forest read features that come from labels"),
        ((*IGNORANT[:-1], "merchant_evidence=true"), "--set merchant_evidence=true has an isolation_forest"),
        (("--from", "2026-01-01"), "--from goes with --topic; add that, or leave --from out"),
        (("--to", "2026-01-01"), "--to goes with --topic"),
        (("--customers", "50"), "--customers goes with --simulate"),
        (("--world", "0"), "--world goes with --simulate"),
    ],
)
def test_what_cannot_be_or_would_be_ignored_is_said_before_the_history_is_read(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        command(tmp_path / "nowhere.csv", *arguments)


@pytest.mark.parametrize("source", [("--simulate", "10"), ("--topic", "transactions")])
@pytest.mark.parametrize("flag", ["--map", "--label", "--scenario", "--rejects"])
def test_what_goes_with_a_file_is_refused_without_one(source: tuple[str, ...], flag: str) -> None:
    with pytest.raises(ConfigError, match=f"{flag} goes with --input"):
        CliRunner().invoke(app, [*source, flag, "user=x"], catch_exceptions=False)


def test_a_last_date_far_from_the_others_is_told(tmp_path: Path) -> None:
    last = pl.int_range(pl.len()) == pl.len() - 1
    odd = history().with_columns(AT=pl.when(last).then(pl.col("AT") + timedelta(days=200)).otherwise("AT"))
    words = ("--map", MAPPING, "--label", "IS_FRAUD", "--rejects", str(tmp_path / "rejects"))
    path = str(written(odd, tmp_path))

    with pytest.raises(
        InputError, match=r"95% of its transactions are before 2026-02-2.* name .*--test-from"
    ):
        CliRunner().invoke(app, ["--input", path, *words], catch_exceptions=False)
    with pytest.raises(InputError, match=r"95% of its transactions are before 2026-02-2.* name .*--until"):
        CliRunner().invoke(train, ["--input", path, *words], catch_exceptions=False)


def test_labels_that_come_later_change_no_feature(tmp_path: Path) -> None:
    frame = history(days=40)
    moment = START + timedelta(days=30)
    unknown = pl.col("AT") + DELAY > moment
    moved = frame.with_columns(IS_FRAUD=pl.when(unknown).then(1 - pl.col("IS_FRAUD")).otherwise("IS_FRAUD"))

    before, after = engine(frame, tmp_path), engine(moved, tmp_path)

    until = int((frame["AT"] < moment).sum())
    np.testing.assert_array_equal(before.values[:, :until], after.values[:, :until])
    assert not np.array_equal(before.values[:, until:], after.values[:, until:], equal_nan=True)


def test_a_label_that_is_known_at_once_is_in_no_feature_of_its_own_transaction(tmp_path: Path) -> None:
    frame = history(days=40)
    rows = engine(frame, tmp_path, delay=timedelta())

    for name in ("user_days_since_fraud", "merchant_days_since_fraud", "merchant_days_since_first_fraud"):
        assert np.nanmin(rows.values[FEATURES.index(name)]) > 0


def test_later_transactions_change_no_feature(tmp_path: Path) -> None:
    frame = history(days=40)
    until = frame.height * 3 // 4
    later = frame[until:]
    permuted = later.with_columns(
        later.select("CARD", "SHOP", "AMT").sample(fraction=1.0, shuffle=True, seed=1)
    )

    before, after = engine(frame, tmp_path), engine(pl.concat([frame[:until], permuted]), tmp_path)

    np.testing.assert_array_equal(before.values[:, :until], after.values[:, :until])
