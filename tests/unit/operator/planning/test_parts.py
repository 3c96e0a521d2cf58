"""The parts of a plan, one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fraud_core.connect.records import State, Task
from fraud_operator.api import Gate
from fraud_operator.api.base import duration, spelled
from fraud_operator.planning.gates import verified
from fraud_operator.planning.readiness import readiness
from fraud_operator.planning.training import arguments, next_time, schedule_fault, training_hash
from tests.support.fraud_models import NOW, Universe, spec

METRICS = {"recall": 0.6, "alert_rate": 0.004, "champion_recall": 0.7}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("30d", timedelta(days=30)),
        ("0s", timedelta()),
    ],
)
def test_durations(text: str, span: timedelta) -> None:
    assert duration(text) == span
    assert duration(spelled(span)) == span


@pytest.mark.parametrize("text", ["", "1", "1w", "h", "-1h", 5, "10000d", "100000h"])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration; write"):
        duration(text)


def test_the_longest_pause_ends_before_the_calendar_does() -> None:
    longest = "9999d9999d9999d9999d"
    found = Universe(spec(rollout={"shadow": longest, "progressDeadline": longest}))

    found.until("Pausing")

    assert NOW + duration("99999h99999h99999h99999h") > NOW
    assert "pauses until 2136-" in found.condition("Progressing").message


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"metric": "recall", "min": 0.5}, None),
        ({"metric": "recall", "min": 0.61}, "recall is 0.6, below 0.61."),
        ({"metric": "alert_rate", "max": 0.003}, "alert_rate is 0.004, above 0.003."),
        ({"metric": "recall", "min_of_champion": 0.85}, None),
        ({"metric": "recall", "min_of_champion": 0.9}, "recall is 0.6, below 0.9 of the champion's 0.7."),
        (
            {"metric": "alert_rate", "min_of_champion": 0.9},
            "the champion's alert_rate is not known, and minOfChampion asks for it.",
        ),
        (
            {"metric": "roc_auc", "min": 0.5},
            "roc_auc is not among the candidate's metrics (alert_rate, recall).",
        ),
    ],
)
def test_gates(gate: dict[str, Any], message: str | None) -> None:
    found = verified([Gate(**gate)], METRICS, has_parent=True)

    assert found.passed == (message is None)
    if message is not None:
        assert found.message == message


def test_without_a_champion_there_is_nothing_to_be_worse_than() -> None:
    gate = Gate(metric="recall", min_of_champion=2)

    assert verified([gate], {"recall": 0.1}, has_parent=False).passed


def test_cron() -> None:
    assert next_time("0 3 * * 1", datetime(2026, 11, 2, 3, 0, tzinfo=UTC)) == datetime(
        2026, 11, 9, 3, 0, tzinfo=UTC
    )
    assert next_time(None, NOW) is None
    assert schedule_fault("0 3 * * 1") is None
    assert "'0 3 * *' is no cron expression" in str(schedule_fault("0 3 * *"))
    assert "is no cron expression" in str(schedule_fault("0 0 31 2 *"))


def test_the_hash_covers_what_a_training_depends_on_in_any_order_and_nothing_else() -> None:
    one = spec(hyperparameters={"a": 1, "b": 2})

    assert training_hash(one) == training_hash(spec(hyperparameters={"b": 2, "a": 1}))
    assert training_hash(one) == training_hash(
        spec(hyperparameters={"a": 1, "b": 2}, paused=True, training={"retries": 0, "schedule": "0 0 * * *"})
    )
    assert training_hash(one) != training_hash(spec(hyperparameters={"a": 1, "b": 3}))


def test_the_job_is_told_all_that_the_training_depends_on() -> None:
    told = arguments(
        spec(
            hyperparameters={"reach": 2.5, "bootstrap": True}, features=["amount"], training={"window": "7d"}
        )
    )

    assert told[:2] == ("trainer", "train")
    pairs = list(zip(told[2::2], told[3::2], strict=True))
    assert dict(pairs) | {"--set": ""} == {
        "--pipeline": "fraud-detector", "--algorithm": "ensemble", "--window": "7d", "--label-delay": "7d",
        "--label-maturity": "30d", "--threshold": "0.005", "--min-samples": "1000", "--set": "",
        "--feature": "amount",
    }  # fmt: skip
    assert [value for name, value in pairs if name == "--set"] == ["bootstrap=true", "reach=2.5"]


def test_ready_is_every_partition_held_by_a_worker_on_the_rollout() -> None:
    found = readiness(Universe(spec()).world)

    assert found.ready
    assert found.message == "2 of 2 detectors run rollout 7 and hold all 4 partitions."


@pytest.mark.parametrize("state", [State.FAILED, State.UNASSIGNED, State.RESTARTING])
def test_a_task_that_does_not_run_serves_nothing(state: State) -> None:
    world = Universe(spec()).world
    first, second = world.workers
    broken = replace(first, tasks=(Task(0, State.RUNNING), Task(2, state, "disk full")))

    found = readiness(replace(world, workers=(broken, second)))

    assert found.reason == "PartitionsNotServed"
    assert found.message == "Partition 2 not held by a detector that runs rollout 7: disk full."


def test_a_producer_that_reports_is_no_detector() -> None:
    world = Universe(spec()).world
    producers = tuple(replace(status, kind="source") for status in world.workers)

    assert readiness(replace(world, workers=producers)).reason == "WorkersNotReporting"


def test_where_nobody_reports_clocks_are_suspected_too() -> None:
    """A report counts as old by the operator's clock."""
    found = readiness(replace(Universe(spec()).world, workers=()))

    assert found.message.endswith("Does its release run, with this pipeline's name, and do the clocks agree?")


def test_while_the_number_of_partitions_is_not_known_nothing_is_claimed() -> None:
    found = readiness(replace(Universe(spec()).world, partitions=None))

    assert found.status == "Unknown"
    assert found.reason == "PartitionsUnknown"
