"""What a rollout says, and what may follow on it."""

import io
from dataclasses import replace
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.rollouts import BundleRef, Limits, Mode, Rollout
from fraud_core.rollouts.applied import generation_in, metadata_of
from fraud_core.rollouts.records import calmed, canaried, promoted, shadowed
from fraud_core.schemas import schema

OLD, NEW = (BundleRef(name, f"kafka://fraud_models/{name}", name * 64) for name in "ab")
START = Rollout("pipe", 3, champion=OLD)
LIMITS = Limits(max_alert_rate=0.2)


def through_avro(record: dict[str, Any]) -> dict[str, Any]:
    parsed = fastavro.parse_schema(schema("Rollout"))
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, parsed, record)
    stream.seek(0)
    found = fastavro.schemaless_reader(stream, parsed, None)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("rollout", [START, shadowed(START, NEW, LIMITS), canaried(START, NEW, 5.5, LIMITS)])
def test_a_rollout_comes_back_from_avro_as_it_was(rollout: Rollout) -> None:
    found = Rollout.of(through_avro(rollout.to_record()))

    assert replace(found, issued_at=rollout.issued_at) == rollout
    assert abs((found.issued_at - rollout.issued_at).total_seconds()) < 0.001


def test_a_mode_that_only_later_versions_know_reads_as_no_challenger() -> None:
    record = shadowed(START, NEW, LIMITS).to_record() | {"mode": "none"}

    assert Rollout.of(through_avro(record)).challenger is None


def test_each_step_rises_and_says_what_runs() -> None:
    shadow = shadowed(START, NEW, LIMITS)
    canary = canaried(shadow, NEW, 20, LIMITS)
    over = promoted(canary, NEW)
    back = promoted(over, over.previous)

    assert [one.generation for one in (shadow, canary, over, back)] == [4, 5, 6, 7]
    assert (shadow.champion, shadow.challenger, shadow.share) == (OLD, NEW, 0)
    assert (canary.champion, canary.challenger, canary.share) == (OLD, NEW, 0.2)
    assert (over.champion, over.challenger, over.previous, over.mode) == (NEW, None, OLD, Mode.NONE)
    assert (back.champion, back.previous) == (OLD, NEW)
    assert replace(calmed(canary), generation=3, issued_at=START.issued_at) == START


@pytest.mark.parametrize(
    "changes",
    [{"mode": Mode.SHADOW}, {"challenger": NEW}, {"canary_weight": 101}, {"canary_weight": -1}],
)
def test_what_no_worker_could_run_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"mode|canary weight"):
        replace(START, **changes)


@given(st.integers(0, 2**62))
def test_the_generation_comes_back_from_an_offsets_metadata(generation: int) -> None:
    assert generation_in(metadata_of(generation)) == generation


@given(st.none() | st.text())
def test_what_others_write_into_the_metadata_names_no_generation(text: str | None) -> None:
    assert generation_in(text if text is None else f"x{text}") == 0
    assert generation_in(metadata_of(None)) == 0
