"""Reports and targets come back from Avro as they were, and have the keys that compaction needs."""

import io
from datetime import UTC, datetime

import fastavro
import pytest

from fraud_core.avro.record import encode_record
from fraud_core.connect.config import MASK, flat
from fraud_core.connect.records import (
    Distribution,
    ModelStatus,
    Role,
    State,
    Target,
    TargetState,
    Task,
    WorkerStatus,
)
from fraud_core.features import FEATURES
from fraud_core.schemas import schema
from fraud_core.settings import CoreSettings, load_settings

NOW = datetime(2026, 11, 24, 12, 0, 0, 123_000, tzinfo=UTC)


def through_avro(name: str, record: dict[str, object]) -> dict[str, object]:
    parsed, stream = fastavro.parse_schema(schema(name)), io.BytesIO()
    fastavro.schemaless_writer(stream, parsed, record)
    stream.seek(0)
    found = fastavro.schemaless_reader(stream, parsed, None)
    assert isinstance(found, dict)
    return found


def test_a_report_survives_avro() -> None:
    status = WorkerStatus(
        "p/w", NOW, "p", "sink", State.RUNNING, NOW, (Task(3, State.FAILED, "why"),), "0.1.0", "forest-1", 7,
        {"transactions": 12.0},
        models=(ModelStatus("f", Role.CHAMPION, distributions=(Distribution("amount", (1, 2), (3, 4)),)),),
    )  # fmt: skip

    assert WorkerStatus.of(through_avro("WorkerStatus", status.to_record())) == status


def test_a_report_stays_small_even_of_two_models_that_read_all_features_of_much_traffic() -> None:
    met = tuple(Distribution(name, (10_000_000,) * 20, (100_000_000,) * 20) for name in ("score", *FEATURES))
    models = tuple(
        ModelStatus(role.value, role, distributions=met) for role in (Role.CHAMPION, Role.CHALLENGER)
    )
    status = WorkerStatus("p/w", NOW, "p", "sink", State.RUNNING, NOW, models=models)

    assert len(encode_record("WorkerStatus", 1, status.to_record())) < 25_000


@pytest.mark.parametrize(
    ("target", "key"),
    [
        (TargetState("p", Target.PAUSED), "p/state"),
        (TargetState("p", Target.RESTART, include_tasks=True), "p/restart"),
        (TargetState("p", Target.RESTART, task=4), "p/restart/4"),
    ],
)
def test_a_restart_never_replaces_the_state_that_lasts(target: TargetState, key: str) -> None:
    assert target.key == key


def test_a_target_survives_avro() -> None:
    target = TargetState("p", Target.RESTART, 4, only_failed=True, issued_by="somebody", issued_at=NOW)

    assert TargetState.of(through_avro("TargetState", dict(vars(target)))) == target


def test_settings_are_shown_flat_with_secrets_masked() -> None:
    settings = load_settings(
        CoreSettings, kafka={"sasl_username": "me", "sasl_password": "hunter2", "properties": {"a": "b"}}
    )

    shown = flat(settings)

    assert shown["kafka.sasl_username"] == "me"
    assert shown["kafka.sasl_password"] == MASK
    assert shown["http.enabled"] == "true"
    assert "schema_registry.password" not in shown
    assert "hunter2" not in str(shown)
