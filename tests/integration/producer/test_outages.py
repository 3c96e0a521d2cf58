"""The producer while its broker is away: nothing is lost in silence, and nothing comes twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline, until
from tests.support.pipeline import pipeline as made
from tests.support.producing import MAPPING, history, start, transactions

pytestmark = pytest.mark.stack

ROWS = 9_000
RATE = ("--rate", "2000")


@pytest.fixture
def breakable(own_stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    """Topics on a broker that the test may kill."""
    addresses = own_stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def test_a_broker_that_is_killed_and_comes_back_loses_and_repeats_nothing(
    own_stack: Stack, breakable: Pipeline, tmp_path: Path
) -> None:
    file, truth = history(tmp_path / "h.parquet", ROWS), tmp_path / "truth.jsonl"
    flags = (*RATE, "--truth", str(truth), "--json")
    process = start(breakable, "--input", str(file), *MAPPING, *flags, here=tmp_path)
    until(lambda: truth.exists() and truth.stat().st_size > 100_000, "some transactions are produced")
    own_stack.broker.kill()
    until(lambda: truth.read_text().count("\n") == ROWS, "the producer goes on while the broker is away")
    own_stack.broker.start()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["delivered"] == ROWS
    _, found = transactions(breakable, ROWS)
    assert found.height == found["transaction_id"].n_unique() == ROWS
    assert all(part["timestamp"].is_sorted() for part in found.partition_by("partition"))


def test_what_a_broker_that_stays_away_did_not_take_is_counted_and_the_exit_status_tells(
    own_stack: Stack, breakable: Pipeline, tmp_path: Path
) -> None:
    file, truth = history(tmp_path / "h.parquet", ROWS), tmp_path / "truth.jsonl"
    flags = (*RATE, "--truth", str(truth), "--json", "--delivery-timeout", "5")
    process = start(breakable, "--input", str(file), *MAPPING, *flags, here=tmp_path)
    until(lambda: truth.exists() and truth.stat().st_size > 100_000, "some transactions are produced")
    own_stack.broker.kill()
    out, err = process.communicate(timeout=120)
    summary = json.loads(out)
    assert process.returncode == 1
    assert summary["produced"] == summary["delivered"] + summary["failed"] == ROWS
    assert f"{summary['failed']:,} of {ROWS:,} records were not delivered" in err
    assert "the brokers take no records; trying on" in err
    assert "Traceback" not in err
