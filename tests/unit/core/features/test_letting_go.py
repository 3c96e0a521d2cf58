"""Names are let go of once no partition asks for them, however far apart these are."""

from collections.abc import Iterator
from functools import partial
from random import Random
from types import ModuleType
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import SideTables, Span, State, advance_each
from fraud_core.features.side import Logins, counts, hours, logins
from fraud_core.features.side.hours import Ledger
from tests.unit.core.features.reference import BESIDE, DAY, HOUR, Known, Login, Transaction
from tests.unit.core.features.streams import START, frame, login_frame, rows

DELAY = 2 * 24
PARTITIONS = 3
NEVER = -1_000_000_000
ASKED = (*BESIDE, "logins_1h", "failed_logins_1h")


class Batch(NamedTuple):
    """Transactions of one partition."""

    partition: int
    transactions: list[Transaction]


@st.composite
def histories(draw: st.DrawFn) -> list[Batch]:
    """Half a year or so of each partition, in names that are met now and then; some of it comes late."""
    random, apart = Random(draw(st.integers(0, 10**6))), draw(st.sampled_from((0, 3, 50, 200)))
    times = [START + partition * apart * DAY for partition in range(PARTITIONS)]
    return [_batch(random, times) for _ in range(200)]


def _batch(random: Random, times: list[int]) -> Batch:
    partition, batch = random.randrange(PARTITIONS), list[Transaction]()
    for _ in range(random.randrange(1, 6)):
        times[partition] += random.randrange(2 * DAY)
        late = random.randrange(6 * DAY) if random.random() < 0.1 else 0
        merchant = f"merchant {random.randrange(150)}"
        category = f"category {random.randrange(150)}"
        user = f"{partition} {random.randrange(200)}"
        time = times[partition] - late
        batch.append(Transaction(user, time, 1.0, merchant=merchant, category=category))
    return Batch(partition, batch)


def _logins(history: list[Batch]) -> Iterator[list[Login]]:
    """All that these users tried, by a hundred, as a backlog is read."""
    tried = [Login(one.user, one.time - HOUR // 2, success=True) for batch in history for one in batch[1]]
    tried.sort(key=lambda one: one.time)
    for begin in range(0, len(tried), 100):
        yield tried[begin : begin + 100]


def _known(history: list[Batch]) -> list[Known]:
    side, states = SideTables(DELAY), [State() for _ in range(PARTITIONS)]
    side.logins = Logins()
    for partition in range(PARTITIONS):
        side.forget(partition)
    for some in _logins(history):
        side.learn_logins(login_frame(some))
    known = list[Known]()
    for partition, batch in history:
        known += rows(advance_each([Span(states[partition], 0, len(batch), partition)], frame(batch), side))
        side.learn_logins(login_frame([Login("another", batch[-1].time, success=True)]))
    return [{name: row[name] for name in ASKED} for row in known]


def _forced(history: list[Batch], *, letting_go: bool) -> tuple[list[Known], set[ModuleType]]:
    """What is known where room is made for every batch, and which tables have let go of names."""
    gone = set[ModuleType]()

    def with_room(table: ModuleType, ledger: Ledger, keys: int, words: int, oldest: int) -> Ledger:
        made = hours.with_room(ledger, keys, words, oldest if letting_go else NEVER)
        if made.ends[1] < ledger.ends[1]:
            gone.add(table)
        return made

    with pytest.MonkeyPatch.context() as patch:
        for table in (counts, logins):
            patch.setattr(table, "has_room", lambda *_: False)
            patch.setattr(table, "with_room", partial(with_room, table))
        return _known(history), gone


@settings(max_examples=20)
@given(history=histories())
def test_partitions_read_what_they_would_if_no_name_was_ever_let_go_of(history: list[Batch]) -> None:
    known, gone = _forced(history, letting_go=True)

    wanted, _ = _forced(history, letting_go=False)
    assert known == wanted
    assert gone == {counts, logins}
