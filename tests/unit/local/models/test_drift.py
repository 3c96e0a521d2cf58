"""What `fraudstream drift` says of what workers met."""

from datetime import UTC, datetime

from fraud_core.connect.records import Distribution, ModelStatus, Role, State, WorkerStatus
from fraud_core.rollouts.drift import drifted
from fraud_local.models.drift_cli import lines

NOW = datetime(2026, 11, 24, tzinfo=UTC)
USUAL = (500, 500, 0)


def told(*distributions: Distribution) -> list[str]:
    model = ModelStatus("forest-1", Role.CHAMPION, distributions=distributions)
    worker = WorkerStatus("pipe/w", NOW, "pipe", "sink", State.RUNNING, NOW, models=(model,))
    return lines("pipe", drifted([worker]))


def test_what_moved_is_named_first_and_then_shown_with_where_to() -> None:
    found = told(
        Distribution("amount", USUAL, (500, 500, 0)), Distribution("txn_per_hour", USUAL, (0, 400, 600))
    )

    assert found[0] == (
        "champion forest-1: 1,000 transactions of the last seven days, 1 worker(s); moved: txn_per_hour"
    )
    assert [line.split("  ")[0] for line in found[2:]] == ["feature", "txn_per_hour", "amount"]
    assert "higher, more unknown" in found[3]
    assert "0.0%" in found[3]
    assert "60.0%" in found[3]
    assert found[3].endswith("the user's transactions within an hour")


def test_where_nothing_moved_that_is_said() -> None:
    assert told(Distribution("amount", USUAL, (5_000, 5_000, 0)))[0].endswith("; nothing has moved")


def test_too_little_is_not_judged() -> None:
    [line] = told(Distribution("amount", USUAL, (400, 500, 0)))

    assert line.endswith("At least 1,000, and as many in the training window, are needed.")


def test_an_older_bundle_and_no_worker_at_all_are_told() -> None:
    assert "train it again" in told()[0]
    assert lines("pipe", []) == ["No worker of pipe that runs a model reports now."]
