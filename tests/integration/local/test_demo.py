"""`fraudstream demo` as a person or a script runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PATIENCE_S = 200.0
SMALL = ("--history", "3d", "--customers", "200", "--seed", "11")
REASONS = {"high_amount", "location_change", "flagged_merchant", "model"}


@dataclass
class Run:
    """A demo that has ended."""

    status: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The object on its last line."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


@dataclass
class Demo:
    """Starts demos on the session's cluster, with topics of their own."""

    pipeline: Pipeline
    data: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        addresses = self.pipeline.settings
        cluster = (
            "--bootstrap-servers", addresses.kafka.bootstrap_servers,
            "--schema-registry-url", addresses.schema_registry.url, "--data-dir", str(self.data),
        )  # fmt: skip
        return started(*arguments, *cluster, environment=self.pipeline.process_environment())

    def run(self, *arguments: str) -> Run:
        return ended(self.start(*arguments))


def started(*arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fraud_local", "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> Run:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Run(process.returncode, out, err)


@pytest.fixture
def demo(stack: Stack, tmp_path: Path) -> Iterator[Demo]:
    with made(stack.addresses.bootstrap_servers, stack.addresses.schema_registry_url, tmp_path) as one:
        yield Demo(one, tmp_path / "data")


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Read standard error until a line has this word."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"the demo ended before it said {word!r}")


def assert_adds_up(result: dict[str, Any]) -> None:
    assert result["produced"] == result["classified"] + result["alerts"] + result["dead_lettered"]
    assert (result["undecided"], result["repeated"]) == (0, 0)


def test_every_transaction_is_decided_once_and_the_truth_is_told(demo: Demo) -> None:
    ran = demo.run(*SMALL, "--duration", "4", "--headless", "--json")

    assert ran.status == 0, ran.err
    result = ran.result
    assert_adds_up(result)
    assert result["produced"] > result["live"] > 0
    assert result["alerts"] > 0
    assert set(result["alert_rules"]) <= REASONS
    assert result["latency_ms"]["p50"] <= result["latency_ms"]["p99"]
    assert result["detection"]["judged"] == result["live"]
    assert {"frauds", "caught", "precision", "alert_rate"} <= set(result["detection"])
    report = Path(result["report"]).read_text(encoding="utf-8")
    assert "Against the truth" in report
    assert 'src="data:image/png' in report
    assert "http" not in report.replace("http-equiv", "")


def test_the_same_data_directory_serves_a_second_run_and_the_first_ones_decisions_do_not_count(
    demo: Demo,
) -> None:
    first = demo.run(*SMALL, "--duration", "2", "--json")
    again = demo.run("--history", "3d", "--customers", "200", "--duration", "2", "--json")

    assert (first.status, again.status) == (0, 0), first.err + again.err
    assert_adds_up(again.result)
    assert again.result["others"] == 0


def test_ctrl_c_ends_it_with_the_sentence_and_leaves_no_process(demo: Demo) -> None:
    process = demo.start(*SMALL, "--headless")
    wait_for(process, "live ")
    children = psutil.Process(process.pid).children(recursive=True)

    process.send_signal(signal.SIGINT)
    ran = ended(process)

    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[-1].startswith(("Caught", "No fraud among", "Decided"))
    assert "Report: " in ran.err
    assert children
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_your_own_history_is_replayed_to_its_end_and_what_cannot_be_mapped_is_listed(
    demo: Demo, tmp_path: Path
) -> None:
    history, rejects = tmp_path / "history.csv", tmp_path / "rejects.jsonl"
    times = [f"2026-01-05T10:{row // 60 % 60:02}:{row % 60:02}" for row in range(900)]
    rows = [f"{row},u{row % 20},{row % 450}.5,{at},{int(row % 50 == 0)}" for row, at in enumerate(times)]
    rows[7] = "7,u7,a lot,2026-01-05T10:00:07,0"
    history.write_text("\n".join(["id,who,sum,at,fraud", *rows]) + "\n", encoding="utf-8")

    ran = demo.run(
        "--input", str(history), "--map", "transaction_id=id,user=who,amount=sum,timestamp=at",
        "--label", "fraud", "--rejects", str(rejects), "--json",
    )  # fmt: skip

    assert ran.status == 0, ran.err
    assert_adds_up(ran.result)
    assert (ran.result["produced"], ran.result["rejected"]) == (899, 1)
    assert ran.result["detection"]["frauds"] == 18
    assert ran.result["labels"] == 899
    assert json.loads(rejects.read_text())["row"] == 8


def test_the_tutorials_stream_runs_in_real_time_and_nobody_knows_what_is_fraud(demo: Demo) -> None:
    ran = demo.run("--profile", "seed", "--rate", "20", "--duration", "3", "--headless")

    assert ran.status == 0, ran.err
    assert "nobody knows which were fraud" in ran.out.splitlines()[-1]


def test_a_detector_that_dies_ends_the_demo_and_its_log_is_named(demo: Demo) -> None:
    process = demo.start(*SMALL, "--headless")
    wait_for(process, "live ")
    detector = next(
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "fraud_detector" in child.cmdline() and "supervise.py" not in " ".join(child.cmdline())
    )

    detector.kill()
    ran = ended(process)

    assert ran.status == 1
    assert "error: The detector ended with exit status" in ran.err
    assert str(demo.data / "logs" / "detector.log") in ran.err


def test_a_file_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    where = ("--input", str(tmp_path / "none.csv"), "--data-dir", str(tmp_path / "data"))

    ran = ended(started(*where, "--map", "user=a,amount=b,timestamp=c", environment=dict(os.environ)))

    assert ran.status == 2
    assert "none.csv" in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "data" / "broker").exists()


@pytest.mark.xdist_group("own-stack")
def test_on_nothing_but_this_machine_it_starts_and_ends_a_stack_of_its_own(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    arguments = (
        *SMALL,
        "--duration",
        "3",
        "--json",
        "--picture",
        str(picture),
        "--data-dir",
        str(tmp_path / "data"),
    )

    ran = ended(started(*arguments, environment=dict(os.environ)))

    assert ran.status == 0, ran.err
    assert_adds_up(ran.result)
    assert "the&#160;truth" in picture.read_text(encoding="utf-8")
    assert "@font-face" not in picture.read_text(encoding="utf-8")
    assert not [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(process.info["cmdline"] or [])
    ]
