"""What a person sees who starts the detector wrongly."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.stack


def start(pipeline: Pipeline, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fraud_detector", *arguments],
        env=pipeline.process_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_rules_that_cannot_be_read_are_told_with_their_line(pipeline: Pipeline, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("# ours\n- name: high\n  expression: amout > 400\n  reason: High amount\n")

    ended = start(pipeline, "--rules", str(rules))

    assert ended.returncode == 2
    assert f"{rules}, line 3" in ended.stderr
    assert "there is no column `amout`. Did you mean `amount`?" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_rule_file_is_named(pipeline: Pipeline) -> None:
    ended = start(pipeline, "--rules", "nowhere.yaml")

    assert ended.returncode == 2
    assert "nowhere.yaml" in ended.stderr


def test_topics_that_do_not_exist_are_named_with_the_command_that_makes_them(pipeline: Pipeline) -> None:
    ended = start(pipeline, FRAUD_TOPICS__PREFIX="nobody.")

    assert ended.returncode == 2
    assert "nobody.fraud_alerts" in ended.stderr
    assert "Run `fraudstream setup` first." in ended.stderr


def test_a_model_without_its_digest_is_refused(pipeline: Pipeline) -> None:
    ended = start(pipeline, "--model-url", "file:///nowhere")

    assert ended.returncode == 2
    assert "FRAUD_MODEL__SHA256" in ended.stderr


def test_a_wrong_value_names_setting_value_and_variable(pipeline: Pipeline) -> None:
    ended = start(pipeline, "--errors-tolerance", "some")

    assert ended.returncode == 2
    assert "errors.tolerance = 'some': Input should be 'none' or 'all'" in ended.stderr
    assert "FRAUD_ERRORS__TOLERANCE" in ended.stderr


def test_a_transaction_timeout_that_outlasts_the_session_is_refused(pipeline: Pipeline) -> None:
    ended = start(pipeline, FRAUD_GROUP__TRANSACTION_TIMEOUT_MS="20000")

    assert ended.returncode == 2
    assert "transaction_timeout_ms (20000) must be below session_timeout_ms (15000)" in ended.stderr
    assert "FRAUD_GROUP" in ended.stderr


def test_a_hanging_worker_that_is_waited_for_less_long_than_a_dead_one_is_refused(pipeline: Pipeline) -> None:
    ended = start(pipeline, FRAUD_GROUP__MAX_POLL_INTERVAL_MS="14000")

    assert ended.returncode == 2
    assert "max_poll_interval_ms (14000) must not be below session_timeout_ms (15000)" in ended.stderr
