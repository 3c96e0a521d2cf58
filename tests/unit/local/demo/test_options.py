"""What the demo may be asked for, and what it makes of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraud_core.errors import ConfigError
from fraud_local.demo.options import DemoOptions, checked, scheduled
from fraud_producer.options import Options

NOW = datetime(2026, 11, 24, 13, 40, tzinfo=UTC)


def test_history_ends_where_the_live_part_begins_a_month_ago() -> None:
    producer, live_from = scheduled(DemoOptions(Options(), history=timedelta(days=20)), NOW)

    assert live_from == datetime(2026, 10, 25)
    assert producer.start == datetime(2026, 10, 5)
    assert producer.history == timedelta(days=20)


@pytest.mark.parametrize("producer", [Options(profile="seed"), Options(input=Path("h.csv"), map=("user=a",))])
def test_the_tutorials_stream_and_a_file_have_no_history(producer: Options) -> None:
    assert scheduled(DemoOptions(producer), NOW) == (producer, None)


def test_without_history_all_is_live() -> None:
    producer, live_from = scheduled(DemoOptions(Options(), history=timedelta()), NOW)

    assert producer.history is None
    assert producer.start == live_from


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DemoOptions(Options(), duration=0), "--duration must be more than 0"),
        (DemoOptions(Options(), duration=float("nan")), "--duration must be more than 0"),
        (DemoOptions(Options(), bootstrap_servers="x:1"), "give both"),
        (DemoOptions(Options(), schema_registry_url="http://x"), "give both"),
        (
            DemoOptions(Options(), bootstrap_servers="x:1", schema_registry_url="http://x", fresh=True),
            "--fresh deletes the embedded broker's data",
        ),
        (DemoOptions(Options(profile="seed", clock=60)), "--clock goes with --profile realistic"),
        (DemoOptions(Options(label="FRAUD")), "--label goes with --input"),
        (
            DemoOptions(Options(profile="seed"), history=timedelta(days=3)),
            "--history goes with --profile realistic, not with --profile seed",
        ),
        (
            DemoOptions(Options(input=Path("h.csv"), map=("user=a",)), history=timedelta(days=3)),
            "--history goes with --profile realistic, not with --input",
        ),
    ],
)
def test_flags_that_do_not_go_together_are_refused(options: DemoOptions, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(options)


def test_a_start_that_is_given_is_kept() -> None:
    start = datetime(2026, 1, 1)

    producer, live_from = scheduled(DemoOptions(Options(start=start)), NOW)

    assert (producer.start, live_from) == (start, datetime(2026, 1, 31))
