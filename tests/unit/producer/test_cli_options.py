from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fraud_core.errors import ConfigError
from fraud_producer.options import Options, check

FILE = Path("h.csv")
NEW_YEAR = datetime(2026, 1, 1)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(profile="seed", rate=10, seed=4, count=3),
        Options(rate=1_000, clock=60, history=timedelta(days=30)),
        Options(input=FILE, map=("user=a",), speed=60, label="x", label_delay=timedelta(0)),
    ],
)
def test_flags_that_fit_together_pass(options: Options) -> None:
    check(options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(rate=1, flat_out=True), "--rate and --flat-out contradict each other"),
        (Options(input=FILE, rate=1, speed=2), "--rate and --speed contradict"),
        (Options(flat_out=True, clock=60), "--flat-out and --clock contradict"),
        (Options(days=1, until=NEW_YEAR), "--days and --until contradict"),
        (Options(rate=1, clock=2, customers=10), "two of them determine the third"),
        (Options(speed=60), "--speed goes with --input, not with --profile realistic"),
        (Options(map=("user=a",), profile="seed"), "--map goes with --input, not with --profile seed"),
        (Options(profile="seed", history=timedelta(1)), "--history goes with --profile realistic"),
        (Options(input=FILE, customers=50), "--customers goes with --profile realistic, not with --input"),
        (Options(input=FILE, profile="seed"), "--profile is for simulated transactions"),
        (Options(input=FILE, seed=0), "--seed is for simulated transactions"),
        (Options(input=FILE, label_delay=timedelta(0)), "add --label COLUMN"),
        (Options(input=FILE, label_frauds_only=True), "add --label COLUMN"),
    ],
)
def test_flags_that_contradict_each_other_or_would_be_ignored_are_refused(
    options: Options, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(options)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "options", [Options(flat_out=True), Options(rate=0), Options(input=FILE, speed=float("inf"))]
)
def test_flat_out_can_be_said_in_three_ways(options: Options) -> None:
    assert options.pace_is_flat_out
