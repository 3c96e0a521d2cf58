"""`fraudstream models` on a real broker, beside a detector at work."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraud_core.models import publish_bundle
from fraud_core.rollouts.writing import write_rollout
from fraud_local.stack import Stack
from tests.support import forked
from tests.support.bundles import small_bundle
from tests.support.labelling import label
from tests.support.pipeline import Pipeline, transactions, until
from tests.support.pipeline import pipeline as made
from tests.support.rolling_out import PATIENCE_S, publish, reports

pytestmark = pytest.mark.stack

A, B = small_bundle(0.01), small_bundle(0.05)


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    with made(stack.addresses.bootstrap_servers, stack.addresses.schema_registry_url, tmp_path) as one:
        yield one


def ended(pipeline: Pipeline, *words: str) -> subprocess.CompletedProcess[str]:
    return forked.ended("fraud_local", *words, environment=pipeline.process_environment(), timeout_s=250)


def ran(pipeline: Pipeline, *words: str) -> str:
    done = ended(pipeline, "models", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def content(pipeline: Pipeline, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran(pipeline, *words, "--json"))
    return found


def test_a_version_goes_from_a_file_through_shadow_and_canary_and_back(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.detector()
    until(lambda: len(reports(pipeline)) == 1, "it has joined", PATIENCE_S)
    folders = [publish_bundle(tmp_path, bundle) for bundle in (A, B)]
    published = [content(pipeline, "publish", one.url.removeprefix("file://")) for one in folders]
    old, new = (one["version"] for one in published)

    over = content(pipeline, "promote", old, "--wait", "120")
    shadow = ran(pipeline, "shadow", new, "--wait", "120")
    canary = ran(pipeline, "canary", "--weight", "20", "--wait", "120")
    listed = content(pipeline, "list")
    assert content(pipeline, "promote", "--wait", "120")["rollout"]["champion"]["version"] == new
    back = content(pipeline, "rollback", "--wait", "120")

    assert over["workers"] == [
        {
            "worker": f"{pipeline.name}/w",
            "generation": over["rollout"]["generation"],
            "model_version": old,
            "problem": None,
        }
    ]
    assert f"{old} decides, shadow of {new}; managed by cli; run by 1 of 1 workers" in shadow
    assert over["seconds"] > 0
    assert "The last of them ran it after " in shadow
    assert f"{old} decides, canary 20 % of {new}" in canary
    assert {row["version"]: row["role"] for row in listed["bundles"]} == {old: "champion", new: "canary 20 %"}
    assert back["rollout"]["champion"]["version"] == old
    assert back["workers"][0]["model_version"] == old


def test_what_can_not_be_is_told_with_what_can(pipeline: Pipeline) -> None:
    ref = publish(pipeline, A)
    unknown = ended(pipeline, "models", "promote", "nothing-like-it")
    nowhere = ended(pipeline, "models", "publish", "nowhere")
    ran(pipeline, "promote", ref.version, "--wait", "0")
    in_use = ended(pipeline, "models", "delete", ref.version)
    already = ended(pipeline, "models", "shadow", ref.version)

    assert (unknown.returncode, in_use.returncode, already.returncode) == (2, 2, 2)
    assert f"No version begins with nothing-like-it. There are: {ref.version}" in unknown.stderr
    assert "There is no bundle in nowhere" in nowhere.stderr
    assert f"{ref.version} is in use: champion of {pipeline.name}" in in_use.stderr
    assert "is the champion" in already.stderr
    assert all("Traceback" not in one.stderr for one in (unknown, nowhere, in_use, already))


def test_a_rollout_that_a_fraud_model_manages_is_left_alone_and_the_patch_is_told(pipeline: Pipeline) -> None:
    ref = publish(pipeline, A)

    def managed(latest: Any) -> Any:
        return replace(latest, generation=2, managed_by="bank/cards/9f1c")

    write_rollout(pipeline.settings, pipeline.name, managed)

    refused = ended(pipeline, "models", "promote", ref.version)

    assert refused.returncode == 2
    patch = json.dumps({"spec": {"pinnedVersion": ref.version}})
    command = f"kubectl --namespace bank patch fraudmodel cards --type merge --patch '{patch}'"
    assert command in refused.stderr
    assert content(pipeline, "list")["rollout"]["generation"] == 2


def test_the_report_compares_both_and_joins_labels(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.detector(REVIEW__CHALLENGER_SHARE="1.0")
    old, new = (publish(pipeline, bundle).version for bundle in (A, B))
    ran(pipeline, "promote", old, "--wait", "120")
    ran(pipeline, "shadow", new, "--max-alert-rate", "1", "--wait", "120")
    pipeline.send(transactions(0, 1_000))
    decided = pipeline.decisions(1_000)
    until(
        lambda: all(one.scored == 1_000 for one in reports(pipeline)[0].models), "all is reported", PATIENCE_S
    )
    label(pipeline, decided, fraud=pl.lit(value=True), at=pl.lit(datetime.now(UTC).replace(tzinfo=None)))
    page = tmp_path / "report.html"

    found = content(pipeline, "report", "--label-maturity", "0", "--html", str(page))
    table = ran(pipeline, "report", "--label-maturity", "0")
    _assert_drift_is_told(pipeline, old, new)

    champion, challenger = found["champion"], found["challenger"]
    alerts = decided.filter(pl.col("score") >= pl.col("threshold"))
    assert (champion["version"], champion["scored"], champion["alerts"]) == (old, 1_000, alerts.height)
    assert 0 not in alerts["top_factors"].list.len()
    assert challenger["scored"] == 1_000
    assert challenger["alerts"] > champion["alerts"]
    assert found["disagreement"] == (challenger["alerts"] - champion["alerts"]) / 1_000
    assert found["psi"] == pytest.approx(0)
    assert challenger["precision"]["labelled"] == challenger["alerts"]
    assert challenger["precision"]["value"] == 1.0
    assert "alert rate" in table
    assert f"{challenger['alert_rate']:.3%}" in table
    assert old in page.read_text(encoding="utf-8")
    assert "data:image/png;base64" in page.read_text(encoding="utf-8")
    _assert_a_job_counts_what_was_decided_since(pipeline, found, tmp_path / "result.json")


def _assert_drift_is_told(pipeline: Pipeline, old: str, new: str) -> None:
    """These transactions are nothing like the random numbers that the model was trained on."""
    content = json.loads(ended(pipeline, "drift", "--json").stdout)
    told = ended(pipeline, "drift").stdout

    champion, challenger = content["versions"]
    assert (champion["version"], champion["workers"], champion["transactions"]) == (old, 1, 1_000)
    assert (challenger["version"], challenger["role"]) == (new, "challenger")
    assert {one["name"] for one in champion["drifts"]} == {"score", "amount", "seconds_since_last"}
    assert "seconds_since_last" in champion["moved"]
    assert f"champion {old}: 1,000 transactions of the last seven days, 1 worker(s); moved: " in told
    assert "time since the user's previous transaction" in told


def _assert_a_job_counts_what_was_decided_since(
    pipeline: Pipeline, report: dict[str, Any], result: Path
) -> None:
    """What the Jobs of a FraudModel run."""
    versions = (report["champion"]["version"], report["challenger"]["version"])

    def labelled(*flags: str) -> list[int]:
        command = ["trainer", "precision", "--label-maturity", "0s", *flags, "--pipeline", pipeline.name]
        done = ended(pipeline, *command, "--result", str(result))
        assert done.returncode == 0, done.stderr
        precision = json.loads(result.read_bytes())["precision"]
        return [precision[version]["labelled"] for version in versions]

    every = [report[role]["precision"]["labelled"] for role in ("champion", "challenger")]
    assert labelled() == every
    assert min(every) > 0
    begun = datetime.now(UTC)
    pipeline.send(transactions(1_000, 1_500))
    later = pipeline.decisions(1_500).filter(pl.col("decided_at") >= begun.replace(tzinfo=None))
    assert later.height == 500
    label(pipeline, later, fraud=pl.lit(value=True), at=pl.lit(begun.replace(tzinfo=None)))

    since = labelled("--decided-from", f"{begun:%Y-%m-%dT%H:%M:%S.%fZ}")

    assert since == [after - before for after, before in zip(labelled(), every, strict=True)]
    assert min(since) > 0


def test_setup_rolls_the_baseline_out_once(pipeline: Pipeline, tmp_path: Path) -> None:
    baseline = publish_bundle(tmp_path, A)
    name = f"{pipeline.name}-new"
    words = [
        "setup",
        "--pipeline",
        name,
        "--baseline-url",
        baseline.url,
        "--baseline-sha256",
        baseline.sha256,
    ]

    first, second = (ended(pipeline, *words).stdout for _ in range(2))
    listed = content(pipeline, "list", "--pipeline", name)

    assert f"published {baseline.version} at kafka://{pipeline.topics.models.name}/{baseline.sha256}" in first
    assert f"wrote rollout 1 of {name}: {baseline.version} decides" in first
    assert "Nothing to do" in second
    assert listed["rollout"]["champion"]["sha256"] == baseline.sha256


def test_half_a_baseline_is_refused(pipeline: Pipeline) -> None:
    done = ended(pipeline, "setup", "--baseline-url", "models/x")

    assert done.returncode == 2
    assert "both url and sha256" in done.stderr


def test_a_worker_that_refuses_says_why_in_the_command(pipeline: Pipeline) -> None:
    pipeline.detector()
    manifest = A.manifest.model_copy(update={"features": ("amount", "nobody_knows_it")}).identified()
    foreign = publish(pipeline, replace(A, manifest=manifest))
    until(lambda: len(reports(pipeline)) == 1, "it has joined", PATIENCE_S)

    told = ran(pipeline, "promote", foreign.version, "--wait", "120")

    assert "run by 0 of 1 workers" in told
    assert "reads the features nobody_knows_it, which this version does not compute" in told
    assert all(one.version != foreign.version for one in reports(pipeline)[0].models)
