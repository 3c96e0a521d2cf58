"""What a Job of a FraudModel checks before it trains, and what it says at its end."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
import typer.main

from fraud_core.errors import (
    ConfigError,
    FraudstreamError,
    InputError,
    NotEnoughSamplesError,
    SchemaError,
    UnavailableError,
    WindowNotRetainedError,
)
from fraud_core.models import PublishedBundle
from fraud_operator.cluster.jobs import runs
from fraud_operator.planning.world import Measured
from fraud_trainer import result
from fraud_trainer.cli import _figures, app
from fraud_trainer.judged import Precision
from fraud_trainer.rows import Rows
from fraud_trainer.run import Span, Training, milliseconds
from fraud_trainer.unattended import check
from tests.support.bundles import small_bundle
from tests.unit.operator.cluster.test_jobs import ended, job, pod

UNTIL = datetime(2026, 11, 2, 12)
SPAN = Span(None, timedelta(days=10), timedelta(days=2))
DAY_MS = 86_400_000


def rows(since_days: float, count: int = 1_000) -> Rows:
    end = milliseconds(UNTIL)
    times = np.linspace(end - since_days * DAY_MS, end - 1, count).astype(np.int64)
    zeros = np.zeros(count)
    return Rows(
        values=np.zeros((1, count)),
        times=times,
        labels=zeros.astype(np.int8),
        known_at=times,
        rules=np.full(count, "", dtype=object),
        users=times,
        weights=zeros + 1,
        scenarios=np.full(count, "", dtype=object),
        reviewed=zeros.astype(bool),
        sources=np.full(count, "", dtype=object),
    )


def test_a_window_that_is_there_with_enough_in_it_passes() -> None:
    check(rows(12), UNTIL, SPAN, 800, lambda: True)


def test_a_window_whose_beginning_was_deleted_is_told() -> None:
    with pytest.raises(
        WindowNotRetainedError, match=r"hold the last 5 days.* take 12 days.* longer retention.ms"
    ):
        check(rows(5), UNTIL, SPAN, 100, lambda: True)


def test_a_pipeline_that_is_younger_than_the_window_has_lost_nothing() -> None:
    check(rows(5), UNTIL, SPAN, 100, lambda: False)


def test_too_few_transactions_are_told_with_what_helps() -> None:
    with pytest.raises(NotEnoughSamplesError, match=r"has 8\d\d transactions, and minSamples asks for 5,000"):
        check(rows(12), UNTIL, SPAN, 5_000, lambda: False)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (WindowNotRetainedError("x"), "WindowNotRetained"),
        (NotEnoughSamplesError("x"), "NotEnoughSamples"),
        (InputError("x"), "NothingToLearnFrom"),
        (ConfigError("x"), "InvalidTraining"),
        (UnavailableError("x"), "Unavailable"),
        (SchemaError("x"), "TrainingFailed"),
    ],
)
def test_a_failure_has_a_reason_of_one_word(error: FraudstreamError, reason: str) -> None:
    assert result.of_failure(error) == {"reason": reason, "message": "x"}


@pytest.mark.parametrize("kind", [InputError, ConfigError, WindowNotRetainedError, NotEnoughSamplesError])
def test_what_no_further_try_mends_ends_with_the_status_that_fails_the_job(
    kind: type[FraudstreamError],
) -> None:
    assert kind.exit_code == 2


def test_what_is_written_is_what_the_operator_reads(tmp_path: Path) -> None:
    bundle = small_bundle()
    training = Training(PublishedBundle("kafka://m/1", bundle.sha256, bundle.version), bundle, None, None)
    file = tmp_path / "result.json"

    result.write(file, result.of_training(training, "baseline"))

    run = runs([job(**ended("Complete"))], [pod(file.read_text(encoding="utf-8"))])["uid-1"]["0123456789"]
    assert run.trained is not None
    assert run.trained.ref.version == bundle.version
    assert run.trained.parent_version == "baseline"
    assert run.trained.metrics.keys() == bundle.manifest.metrics.keys()


def test_what_is_measured_reaches_the_operator_with_its_interval(tmp_path: Path) -> None:
    file = tmp_path / "result.json"

    result.write(file, {"precision": {"one": _figures(Precision(9, 4, 1, 0.25, 0.05, 0.7))}})

    run = runs([job(**ended("Complete"))], [pod(file.read_text(encoding="utf-8"))])["uid-1"]["0123456789"]
    assert run.measured == {"one": Measured(4, 0.25, 0.05, 0.7)}


def test_it_fits_into_a_pods_last_words(tmp_path: Path) -> None:
    many = {f"a_metric_with_a_long_name_{number}": 0.123456789 for number in range(500)}
    bundle = small_bundle()
    manifest = bundle.manifest.model_copy(update={"metrics": many})
    training = Training(None, replace(bundle, manifest=manifest), None, None)
    file = tmp_path / "result.json"

    result.write(file, result.of_training(training, None))

    assert file.stat().st_size <= 4_096
    assert orjson.loads(file.read_bytes())["version"] == bundle.version


@pytest.mark.parametrize("command", ["train", "precision"])
def test_durations_have_defaults(command: str) -> None:
    group = typer.main.get_command(app)

    parameters = group.commands[command].make_context(command, []).params  # type: ignore[attr-defined]

    assert parameters["label_maturity"] == timedelta(days=30)
