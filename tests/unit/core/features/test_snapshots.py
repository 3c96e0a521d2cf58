"""What is dumped in chunks and loaded again, or rolled back, goes on as if nothing had happened."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import CHUNKS, FORMAT, State, advance, chunks_of
from tests.unit.core.features.reference import Known, Transaction
from tests.unit.core.features.streams import computed, frame, long_stream, rows, transactions

MOST_WORDS = 62_500


def advanced(state: State, stream: Sequence[Transaction]) -> list[Known]:
    return rows(advance(state, frame(stream)))


def restored(stream: Sequence[Transaction], offsets: Sequence[int], cut: int, most_words: int) -> State:
    """Chunks as of offsets of their own, then the records up to `cut` that each does not include."""
    state, running = State(), State()
    for offset in range(cut + 1):
        for chunk in (chunk for chunk in range(CHUNKS) if offsets[chunk % len(offsets)] == offset):
            for packed in running.dump(chunk, most_words):
                state.load(packed)
        if offset < cut:
            advance(running, frame(stream[offset : offset + 1]))
    data = frame(stream[:cut])
    beyond = np.arange(cut) >= np.array(offsets)[chunks_of(data["user"]) % len(offsets)]
    advance(state, data.filter(beyond))
    return state


@settings(max_examples=100)
@given(data=st.data(), stream=transactions())
def test_any_stream_restored_at_any_cut_from_chunks_of_any_age_goes_on_as_if_undisturbed(
    data: st.DataObject, stream: list[Transaction]
) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    offsets = data.draw(st.lists(st.integers(0, cut), min_size=1, max_size=8))
    most_words = data.draw(st.sampled_from((1, 500, MOST_WORDS)))

    state = restored(stream, offsets, cut, most_words)

    assert advanced(state, stream[cut:]) == computed(stream)[cut:]


@pytest.mark.parametrize("seed", range(4))
def test_long_streams_of_many_users_survive_a_dump_and_a_load(seed: int) -> None:
    stream = long_stream(seed, rows=6000, users=(1, 40, 700, 3000)[seed])
    state, loaded = State(), State()
    advance(state, frame(stream[:4000]))

    for chunk in range(CHUNKS):
        for packed in state.dump(chunk, 5_000):
            loaded.load(packed)

    assert loaded.users == state.users
    assert advanced(loaded, stream[4000:]) == advanced(state, stream[4000:])


@pytest.mark.parametrize("users", [1, 50, 5000])
def test_each_user_is_in_exactly_one_chunk_whatever_the_size_of_the_table(users: int) -> None:
    names = [f"user {number}" for number in range(users)]
    stream = [Transaction(user=name, time=number, amount=1.0) for number, name in enumerate(names)]
    state, alone = State(), State()
    data = frame(stream)
    advance(state, data)

    for chunk in range(CHUNKS):
        before = alone.users
        for packed in state.dump(chunk, MOST_WORDS):
            alone.load(packed)
        assert alone.users - before == int((chunks_of(data["user"]) == chunk).sum())

    assert alone.users == users


def test_runs_are_no_longer_than_asked_for_and_lose_nobody() -> None:
    state, loaded = State(), State()
    advance(state, frame(long_stream(3, rows=6000, users=2000)))

    runs = [state.dump(chunk, 700) for chunk in range(CHUNKS)]

    assert max(len(packed) for run in runs for packed in run) <= 700
    assert max(map(len, runs)) > 1
    for run in runs:
        for packed in run:
            loaded.load(packed)
    assert loaded.users == state.users


@settings(max_examples=100)
@given(stream=transactions(), cuts=st.tuples(st.integers(0, 40), st.integers(0, 40)), sizes=st.integers(1, 9))
def test_a_roll_back_leaves_no_trace_of_what_came_after_the_savepoint(
    stream: list[Transaction], cuts: tuple[int, int], sizes: int
) -> None:
    kept, undone = min(cuts), max(cuts)
    state = State()
    advance(state, frame(stream[:kept]))
    state.savepoint()
    for begin in range(kept, undone, sizes):
        advance(state, frame(stream[begin : min(begin + sizes, undone)]))

    state.roll_back()

    assert advanced(state, stream[kept:]) == computed(stream)[kept:]


def test_a_roll_back_works_again_and_again_while_many_users_come() -> None:
    stream = long_stream(2, rows=4000, users=900)
    state, wanted, dice = State(), computed(stream), Random(5)
    state.savepoint()
    begin = 0
    while begin < len(stream):
        end = begin + dice.randrange(1, 500)
        assert advanced(state, stream[begin:end]) == wanted[begin:end]
        if dice.random() < 0.5:
            state.roll_back()
        else:
            state.savepoint()
            begin = end


def test_a_dump_moves_users_whose_windows_have_emptied_into_less_room() -> None:
    busy = [Transaction(user=f"{row % 50}", time=1_000 * row, amount=1.0) for row in range(3_000)]
    later = [Transaction(user=f"{row}", time=4 * 10**9, amount=1.0) for row in range(50)]
    newcomers = [replace(one, user=f"new {one.user}") for one in busy]
    shrunk, kept = State(), State()
    for state in (shrunk, kept):
        advance(state, frame(busy + later))
    for chunk in range(CHUNKS):
        shrunk.dump(chunk, MOST_WORDS)

    for state in (shrunk, kept):
        advance(state, frame(newcomers))

    assert shrunk.store().heads[0] < kept.store().heads[0]
    assert advanced(shrunk, busy) == advanced(kept, busy)


def test_snapshots_of_this_format_hold_what_they_always_held() -> None:
    state = State()
    advance(state, frame(long_stream(1, rows=400, users=30)))
    digest = hashlib.sha256()

    for chunk in range(CHUNKS):
        for packed in state.dump(chunk, MOST_WORDS):
            digest.update(packed.tobytes())

    says = "the words of a snapshot have changed: give packing.FORMAT a new number, and this test its digest"
    assert (FORMAT, digest.hexdigest()[:16]) == (2, "2f286b746ad1184b"), says
