"""The bench runs every path over every record; what it measures is nobody's promise."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from fraud_local.stack import Stack
from tests.support.stack import REQUIRE

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(900)]

RECORDS = 600
PEERS = {"passthrough", "tutorial", "quix", "record_by_record"}
STAGES = {"poll", "decode", "features", "rules", "score", "explain", "encode", "produce", "commit"}


def bench(stack: Stack, *arguments: str) -> dict[str, Any]:
    addresses = stack.addresses
    done = subprocess.run(
        [
            sys.executable, "-m", "fraud_local", "bench", *arguments, "--json",
            "--bootstrap-servers", addresses.bootstrap_servers,
            "--schema-registry-url", addresses.schema_registry_url,
        ],
        capture_output=True, text=True, check=False, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def without_what_is_missing() -> list[str]:
    if os.environ.get("UV") or shutil.which("uv") or os.environ.get(REQUIRE) == "all":
        return []
    return ["--without", "quix"]


def test_every_path_gives_one_output_for_each_record(stack: Stack) -> None:
    left_out = without_what_is_missing()

    found = bench(stack, "throughput", "--rounds", "1", "--records", str(RECORDS), "--users", "50", *left_out)

    peers = PEERS - set(left_out)
    assert set(found["ratios"]) == peers
    assert set(found["per_second"]) == peers | {"detector"}
    assert found["records"]["detector"] == found["records"]["passthrough"] == RECORDS
    assert found["outputs"] == {path: [count] for path, count in found["records"].items()}
    assert set(found["stages_us"]) == STAGES
    assert all(value > 0 for value in (*found["ratios"].values(), *found["stages_us"].values()))


def test_latency_stands_beside_the_floor_and_a_pass_through(stack: Stack) -> None:
    found = bench(stack, "latency", "--rate", "50", "--seconds", "1")

    assert set(found["ratios"]) == {"50"}
    assert [one["path"] for one in found["figures"]] == ["floor", "passthrough", "detector"]
    assert all(one["records"] > 0 for one in found["figures"])
    turns = found["figures"][-1]["turns"]
    assert turns["transactions"] >= 1
    assert set(turns["milliseconds"]) == STAGES
    assert turns["milliseconds"]["commit"] > 0


def test_durable_state_stands_beside_none(stack: Stack) -> None:
    found = bench(stack, "durability", "--rounds", "1", "--records", str(RECORDS), "--users", "50")

    assert found["ratio"] > 0
    assert {name: len(rates) for name, rates in found["per_second"].items()} == {"true": 1, "false": 1}


def test_processes_and_users_are_scaled_and_all_users_are_restored_after_a_kill(stack: Stack) -> None:
    found = bench(stack, "scaling", "--users", "200", "--records", str(RECORDS))

    (figures,) = found["figures"]
    assert figures["bytes_a_user"] > 0
    assert [run["processes"] for run in figures["runs"]] == [1, 2]
    for run in figures["runs"]:
        assert run["restored_users"] == 200
        assert run["restore_s"] > 0
        assert len(run["growing"]) == 4
        assert min(run["per_second"], *run["growing"]) > 0


def test_the_producer_stands_beside_the_bare_client(stack: Stack) -> None:
    found = bench(stack, "producer", "--rounds", "1", "--records", "500")

    assert found["ratio"] > 0
    assert len(found["figures"]) == 1
