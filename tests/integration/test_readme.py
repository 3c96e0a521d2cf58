"""Every command that the README shows is run here as it stands there, but for places and addresses."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline, until
from tests.support.pipeline import pipeline as made

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SENTENCE_COMMAND = "make demo ARGS='--fresh --seed 7 --start 2026-01-01 --days 7 --clock 36000'"
BESIDE = (
    ".venv/bin/fraudstream try --user somebody --location JP --amount 950 --merchant XYZ_Merchant",
    ".venv/bin/fraudstream topics tail fraud_alerts -n 3",
)
OWN_HISTORY = next(line for line in README.splitlines() if line.startswith("make demo ARGS='--input"))
OWN_CLUSTER = (
    "export FRAUD_KAFKA__BOOTSTRAP_SERVERS=broker:9092 FRAUD_SCHEMA_REGISTRY__URL=http://registry:8081",
    ".venv/bin/fraudstream train-baseline --output models",
    ".venv/bin/fraudstream setup --baseline-url models/… --baseline-sha256 …",
    ".venv/bin/fraudstream producer --profile realistic --rate 100",
    ".venv/bin/fraudstream detector",
)
RUN_BY_CI = ("make demo", "make test")


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    """Topics and registry subjects that no other test sees."""
    with made(stack.addresses.bootstrap_servers, stack.addresses.schema_registry_url, tmp_path) as one:
        yield one


def environment(data: Path) -> dict[str, str]:
    """As a person's shell: without what the `make test` around us would tell the `make` in here."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return own | {"FRAUD_DATA_DIR": str(data)}


def ran(command: str, where: Path, variables: dict[str, str]) -> str:
    """Standard output of a command of the README, which must succeed."""
    done = subprocess.run(
        words_of(command), cwd=where, env=variables, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def running(command: str, where: Path, variables: dict[str, str], log: Path) -> Iterator[None]:
    """A command of the README that goes on until it is told to end; what it says goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(words_of(command), cwd=where, env=variables, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def words_of(command: str) -> list[str]:
    """The folder is left out, as the tests run in its environment already."""
    words = shlex.split(command.removeprefix(".venv/bin/"))
    return [sys.executable, "-m", "fraud_local", *words[1:]] if words[0] == "fraudstream" else words


def test_all_commands_that_are_shown_are_known_here() -> None:
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    shown = [line for block in blocks for line in block.splitlines()]

    assert shown == [*RUN_BY_CI, SENTENCE_COMMAND, *BESIDE, OWN_HISTORY, *OWN_CLUSTER]


def test_files_that_it_links_are_there() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README)

    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []


@pytest.mark.xdist_group("own-stack")
def test_the_sentence_is_what_its_command_ends_with(tmp_path: Path) -> None:
    quoted = re.search(r"^> (.+?)\n\n", README, flags=re.DOTALL | re.MULTILINE)
    assert quoted

    out = ran(SENTENCE_COMMAND, ROOT, environment(tmp_path))

    assert out.splitlines()[-1] == quoted[1].replace("\n> ", " ")


@pytest.mark.xdist_group("own-stack")
def test_beside_a_demo_a_transaction_is_tried_and_alerts_are_read(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    log = tmp_path / "demo.log"
    with running("make demo ARGS='--headless --history 2d'", ROOT, variables, log):
        until(lambda: "live " in log.read_text(), "the demo is live")
        tried, tailed = (ran(command, tmp_path, variables) for command in BESIDE)

    assert "High amount" in tried
    assert "Merchant XYZ_Merchant flagged" in tried
    assert len(tailed.strip().splitlines()) == 3


@pytest.mark.xdist_group("own-stack")
def test_your_own_history_goes_through(tmp_path: Path) -> None:
    start, rows = datetime(2026, 1, 1), range(4_000)
    pl.DataFrame(
        {
            "TRANSACTION_ID": rows,
            "TX_DATETIME": [start + timedelta(minutes=10 * row) for row in rows],
            "CUSTOMER_ID": [row % 50 for row in rows],
            "TERMINAL_ID": [row % 31 for row in rows],
            "TX_AMOUNT": [float(row % 97) + (900 if row % 500 == 0 else 0) for row in rows],
            "TX_FRAUD": [int(row % 500 == 0) for row in rows],
        }
    ).write_parquet(tmp_path / "history.parquet")
    command = OWN_HISTORY.replace("history.parquet", str(tmp_path / "history.parquet"))

    out = ran(command, ROOT, environment(tmp_path / "data"))

    assert out.splitlines()[-1].startswith("Caught 8 of 8 frauds")


def test_on_a_cluster_of_yours_each_step_leads_to_the_next(pipeline: Pipeline, tmp_path: Path) -> None:
    variables = pipeline.process_environment(FRAUD_PIPELINE=f"{pipeline.name}-of-yours")
    _, train, setup, producer, detector = OWN_CLUSTER

    shown = ran(f"{train} --customers 100 --days 40", tmp_path, variables)
    first = next(line.strip() for line in shown.splitlines() if "fraudstream setup" in line)
    version = next(line.split()[1] for line in shown.splitlines() if line.startswith("version"))

    assert re.sub(r"(--baseline-url )\S+( --baseline-sha256 )\S+", r"\1models/…\2…", first) in setup
    assert f"{version} decides" in ran(first, tmp_path, variables)
    with running(detector, tmp_path, variables, tmp_path / "detector.log"):
        with running(producer, tmp_path, variables, tmp_path / "producer.log"):
            until(lambda: pipeline.produced() >= 100, "the producer has produced")
        decided = pipeline.decisions(pipeline.produced())
    assert decided.height == pipeline.produced()
    assert set(decided["model_version"]) == {version}
