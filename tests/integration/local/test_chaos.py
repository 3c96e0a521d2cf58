"""`fraudstream chaos` as a person or a script runs it, on a stack of its own."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from fraud_core.errors import StackError
from fraud_core.shutdown import SAME_WITHIN_S
from fraud_local.chaos.plan import plan
from fraud_local.stack.stack import prepared, say_on_stderr
from tests.support.stack import REQUIRE

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("own-stack"),
]

PAGE = (Path(__file__).parents[3] / "docs" / "chaos.md").read_text(encoding="utf-8")
SHORT = "fraudstream chaos --minutes 1 --seed 7 --json"
PATIENCE_S = 600.0


@pytest.fixture(autouse=True)
def _prepared() -> None:
    try:
        prepared(say_on_stderr)
    except StackError as error:
        if os.environ.get(REQUIRE) == "all":
            raise
        pytest.skip(f"the embedded stack is not to be had: {error}")


def started(command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fraud_local", *shlex.split(command)[1:]],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result, err


def test_the_short_run_of_the_page_does_what_its_seed_plans_and_proves_every_decision() -> None:
    assert SHORT in PAGE
    process = started(SHORT)

    result, said = ended(process)

    assert process.returncode == 0, said
    assert result["proven"]
    assert result["acts"] == Counter(
        act.kind.value for act in plan(7, 60) if act.kind.value not in result["skipped"]
    )
    assert result["decided"] + result["dead_letters"] == result["produced"]
    assert result["dead_letters"] > 0
    assert result["aborted_outputs"] > 0
    assert result["longest_wait_s"] > 0
    assert "in an open transaction" in said
    assert "all decisions equal those of an undisturbed run" in said


def test_ctrl_c_goes_to_the_proof_and_a_second_one_leaves_nothing_running() -> None:
    process = started("fraudstream chaos --minutes 30 --json --rate 50")
    lines = iter(process.stderr or ())
    assert any(re.match(r" +\d+\.\d s  ", line) for line in lines)
    family = psutil.Process(process.pid).children(recursive=True)

    process.send_signal(signal.SIGINT)
    assert any("Letting it settle" in line for line in lines)
    time.sleep(SAME_WITHIN_S)  # a second one that comes sooner is the first one
    process.send_signal(signal.SIGINT)
    result, _ = ended(process)

    assert process.returncode == 130
    assert result["interrupted"]
    assert not result["proven"]
    assert result["produced"] > 0
    assert result["acts"]
    deadline = time.monotonic() + 10
    while any(each.is_running() for each in family) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [each for each in family if each.is_running()] == []
