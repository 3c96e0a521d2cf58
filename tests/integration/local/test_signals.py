"""Rules that models read, on Kafka: logged, trained on, rolled out, and refused under another rule file."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from fraud_core.rollouts import BundleRef
from fraud_local.cli import app
from fraud_local.stack import Stack
from tests.support.histories import START, history, send_labels, transactions
from tests.support.pipeline import Pipeline, until
from tests.support.pipeline import pipeline as made
from tests.support.rolling_out import PATIENCE_S, applied, reports, roll_out
from tests.support.signalling import SHOPS, shop_rules

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

FLAGS = ("--algorithm", "hist_gradient_boosting", "--set", "max_iter=20", "--threshold", "0.05")
DELAY_H = {"SIDE__LABEL_DELAY_H": "72"}
CUT = START + timedelta(days=56)


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def rule_file(folder: Path, name: str, text: str) -> str:
    (folder / name).mkdir()
    return shop_rules(folder / name, text).source


def train(pipeline: Pipeline) -> Result:
    words = ["train", *FLAGS, "--label-delay", "3d", "--window", "40d", "--json"]
    result = CliRunner().invoke(
        app, [*words, "--pipeline", pipeline.name], env=pipeline.environment, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result


def said(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(result.stdout.splitlines()[-1])
    return found


def ref_of(found: dict[str, Any]) -> BundleRef:
    return BundleRef(found["version"], found["url"], found["sha256"])


def test_a_rule_that_models_read_goes_from_decisions_to_a_model_and_back(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    rules = rule_file(tmp_path, "rules", SHOPS)
    past = history(a_day=100)
    before, after = past.filter(pl.col("AT") < CUT), past.filter(pl.col("AT") >= CUT)
    send_labels(pipeline, past)
    detector = pipeline.detector(RULES=rules, **DELAY_H)
    pipeline.send(transactions(before))
    pipeline.decisions(before.height)

    champion = ref_of(said(train(pipeline)))
    applied(pipeline, roll_out(pipeline, champion=champion))
    pipeline.send(transactions(after))
    found = pipeline.decisions(past.height).filter(model_version=champion.version)

    assert found.height == after.height
    risky = found.filter(pl.col("merchant").is_in(["shop 0", "shop 1", "shop 2"]))
    told = [factor["feature"] for row in risky["top_factors"].to_list() for factor in row]
    assert "rule:risky_shop" in told
    _trained_by_a_job(pipeline, tmp_path / "result.json", champion.version)

    assert detector.stop() == 0
    _under_another_rule_file(pipeline, champion, tmp_path, past.height)


def _trained_by_a_job(pipeline: Pipeline, result: Path, champion: str) -> None:
    """Beside a champion that reads rules, too."""
    words = ["trainer", "train", *FLAGS, "--label-delay", "3d", "--feature", "rule:risky_shop"]
    ends = ["--feature", "amount", "--pipeline", pipeline.name, "--result", str(result)]

    done = CliRunner().invoke(app, [*words, *ends], env=pipeline.environment)

    assert done.exit_code == 0, done.output
    found = orjson.loads(result.read_bytes())
    assert found["parent_version"] == champion
    assert {"average_precision", "champion_average_precision"} <= found["metrics"].keys()


def _under_another_rule_file(pipeline: Pipeline, champion: BundleRef, folder: Path, decided: int) -> None:
    """It does not decide by what it never learned; without it the new rules go on, and are trained on."""
    other = rule_file(folder, "other", SHOPS.replace("'shop 2'", "'shop 3'"))
    detector = pipeline.detector(RULES=other, **DELAY_H)
    why = "reads whether the rule risky_shop fired, and its expression is another one here"
    until(lambda: why in detector.log, f"it says why; {detector.log[-2000:]}", PATIENCE_S)
    pipeline.send(transactions(history(days=1, seed=2).with_columns(pl.col("AT") + timedelta(days=60))))
    assert pipeline.decisions(decided).height == decided

    applied(pipeline, roll_out(pipeline, champion=None))
    pipeline.decisions(decided + 1)
    roll_out(pipeline, champion=champion)
    until(
        lambda: why in (reports(pipeline)[0].rollout_problem or ""), "it is refused while it runs", PATIENCE_S
    )
    result = train(pipeline)

    assert "The champion is not compared." in result.stderr
    assert why in result.stderr
    assert said(result)["champion"] is None
