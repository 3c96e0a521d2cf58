"""In a restore records at fault are passed over, and what is no record's fault ends it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.avro.types import arrow_type
from fraud_core.features import CHUNKS, Span, State, advance_each, computing
from fraud_core.features import state as keeping
from fraud_core.features.layout import Ints, Store
from fraud_core.features.packing import packed_size
from fraud_core.features.side.keys import Keys, keys_of
from fraud_detector.deciding import Decider
from fraud_detector.learning import Learning
from fraud_detector.reading import Read
from fraud_detector.records import group
from fraud_detector.sides import Sides

CURSED = 7
"""The offset of the record that nothing can be learnt from."""


def records(count: int) -> Read:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {"transaction_id": f"t{number}", "user": f"u{number % 3}", "amount": 1.0, "timestamp": time}
        for number in range(count)
    ]
    messages = [Message(topic="", partition=0, offset=offset) for offset in range(count)]
    return Read(group(messages), pa.RecordBatch.from_pylist(rows, schema=arrow_type("Transaction")), ())


def learning(states: dict[int, State], replay: Any) -> Learning:
    """Of side tables that learn nothing, and states that `replay` lets learn."""

    def nothing(*_: object) -> None:
        return

    sides = SimpleNamespace(replay=nothing, savepoint=nothing, roll_back=nothing)
    return Learning(cast("Decider", SimpleNamespace(replay=replay)), cast("Sides", sides), states)


def test_all_is_learnt_but_the_record_that_fails() -> None:
    learnt: list[int] = []

    def replay(read: Read, _: object) -> None:
        offsets = read.records.positions.tolist()
        if CURSED in offsets:
            raise RuntimeError("made to fail")
        learnt.extend(offsets)

    learning({0: State()}, replay).replay(records(40), lambda read: read)

    assert sorted(learnt) == [offset for offset in range(40) if offset != CURSED]


@pytest.mark.parametrize("error", [OSError("No space left on device"), RuntimeError("all of them")])
def test_where_nothing_can_be_learnt_from_any_record_the_restore_ends_with_that(error: Exception) -> None:
    def replay(*_: object) -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        learning({0: State()}, replay).replay(records(40), lambda read: read)


def advanced(read: Read, states: Any) -> None:
    advance_each([Span(states[partition], *rows) for partition, *rows in read.records.spans], read.frame())


def snapshot(state: State) -> list[list[int]]:
    return [words.tolist() for chunk in range(CHUNKS) for words in state.dump(chunk, 1 << 20)]


def test_a_state_learns_from_all_but_the_record_that_fails_once(monkeypatch: pytest.MonkeyPatch) -> None:
    state, others = State(), State()
    read = records(40)
    for part in (read.rows(0, CURSED), read.rows(CURSED + 1, 40)):
        advanced(part, {0: others})

    def keys(frame: pl.DataFrame) -> Keys:
        if f"t{CURSED}" in frame["transaction_id"].to_list():
            raise RuntimeError("made to fail")
        return keys_of(frame)

    monkeypatch.setattr(computing, "keys_of", keys)
    learning({0: state}, advanced).replay(read, lambda read: read)

    assert snapshot(state) == snapshot(others)


@settings(max_examples=50)
@given(names=st.lists(st.text(max_size=9).map(lambda name: name * 20), min_size=1, max_size=9))
def test_no_name_of_a_country_makes_it_fail_once_a_state_has_learnt(names: list[str]) -> None:
    """As then it would learn twice: there is no savepoint to come back to."""
    state = State()
    frame = (
        records(len(names) + 1)
        .frame()
        .with_columns(pl.lit("u").alias("user"), pl.Series("location", [*names, "AT"]))
    )

    found = advance_each([Span(state, 0, frame.height)], frame).previous_location.to_list()

    assert all(name.startswith(known or "") for known, name in zip(found[1:], names, strict=True) if name)


def test_a_restore_makes_no_copies_of_users_that_it_could_only_need_if_a_record_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied: list[int] = []

    def noted(store: Store, refs: Ints) -> int:
        copied.append(refs.size)
        return packed_size(store, refs)

    monkeypatch.setattr(keeping, "packed_size", noted)
    learning({0: State()}, advanced).replay(records(40), lambda read: read)

    assert copied == []
