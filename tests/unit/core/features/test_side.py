"""What is known beside the user's own transactions equals the definitions, however the stream is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import SideTables, Span, State, advance, advance_each
from fraud_core.features.side import counts, hours
from fraud_core.features.side.hours import Ledger
from fraud_core.features.side.keys import SEED
from fraud_core.features.strings import hashes, text_of
from tests.unit.core.features.reference import (
    BESIDE,
    DAY,
    HOUR,
    MINUTE,
    Known,
    Label,
    Transaction,
    expected_beside,
)
from tests.unit.core.features.streams import AMOUNTS, START, frame, label_frame, rows

DELAY = 2 * 24
STEPS = (0, 1, MINUTE, HOUR - 1, HOUR, HOUR + 1, DAY, DELAY * HOUR, 7 * DAY, 9 * DAY, 32 * DAY, 45 * DAY)
Event = Transaction | Label


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Transactions at a few merchants whose times wander, with labels that come, change and are late."""
    time, stream, happened = START, list[Event](), list[tuple[str, Transaction]]()
    for number in range(draw(st.integers(1, 40))):
        time = max(
            time + draw(st.sampled_from(STEPS)) * draw(st.sampled_from((1, 1, 1, -1))), START - 99 * DAY
        )
        if happened and draw(st.integers(0, 2)) == 0:
            name, of = draw(st.sampled_from(happened))
            label = Label(name, of.time, draw(st.booleans()), time, of.merchant, of.user, of.category)
            merchant = draw(st.sampled_from((label.merchant, None)))
            category = draw(st.sampled_from((label.category, None)))
            stream.append(replace(label, merchant=merchant, category=category))
            continue
        merchant = draw(st.sampled_from(("a", "a", "b", "", None)))
        category = draw(st.sampled_from(("a", "c", "", None)))
        device = draw(st.sampled_from(("d", "d", "e", "", None)))
        user = draw(st.sampled_from("uvw"))
        one = Transaction(user, time, draw(AMOUNTS), merchant=merchant, device_id=device, category=category)
        happened.append((f"t{number}", one))
        stream.append(one)
    return stream


def long_events(seed: int, count: int, longest: int | None = None) -> list[Event]:
    """Enough of them that lists grow, move, and lose their oldest hours; `longest` is between two."""
    random = Random(seed)
    longest = longest or random.choice((HOUR // 4, 3 * HOUR, DAY))
    time, stream, due = START, list[Event](), list[Label]()
    for number in range(count):
        time += random.randrange(longest)
        late = random.randrange(50 * longest) if random.random() < 0.1 else 0
        merchant = f"merchant {int(random.paretovariate(0.7)) % 300}"
        category = random.choice((None, f"category {random.randrange(12)}"))
        user, device = f"u{random.randrange(40)}", f"device {int(random.paretovariate(0.7)) % 50}"
        amount = random.randrange(900) / 10
        one = Transaction(user, time - late, amount, merchant=merchant, device_id=device, category=category)
        if random.random() < 0.2:
            known_at = one.time + random.randrange(400 * longest)
            fraud = random.random() < 0.7
            due.append(Label(f"t{number}", one.time, fraud, known_at, merchant, one.user, category))
        stream += [label for label in due if label.known_at <= time]
        due = [label for label in due if label.known_at > time]
        stream.append(one)
    return stream


def cut(stream: Sequence[Event], sizes: Sequence[int]) -> Iterator[list[Event]]:
    """Runs of transactions or of labels, none longer than the next of these sizes."""
    left = [*sizes, len(stream)]
    for _, alike in groupby(stream, key=type):
        run = list(alike)
        while run:
            size = max(left[0], 1)
            left = left[1:] or left
            yield run[:size]
            run = run[size:]


def beside(stream: Sequence[Event], sizes: Sequence[int] = ()) -> list[Known]:
    state, side, known = State(), SideTables(DELAY), list[Known]()
    for run in cut(stream, sizes):
        labels = [one for one in run if isinstance(one, Label)]
        transactions = [one for one in run if isinstance(one, Transaction)]
        if labels:
            side.labels.learn(label_frame(labels))
        else:
            known += rows(advance(state, frame(transactions), side))
    return [{name: row[name] for name in BESIDE} for row in known]


@settings(max_examples=300)
@given(stream=events(), sizes=st.lists(st.integers(1, 9), max_size=8))
def test_any_stream_in_any_batches_has_the_features_of_the_definitions(
    stream: list[Event], sizes: list[int]
) -> None:
    assert beside(stream, sizes) == expected_beside(stream, DELAY)


@pytest.mark.parametrize("seed", range(9))
def test_long_streams_have_the_features_of_the_definitions(seed: int) -> None:
    stream = long_events(seed, count=700)

    assert beside(stream, [1, 7, 100, 3, 150]) == expected_beside(stream, DELAY)


@pytest.mark.parametrize("seed", range(3))
def test_names_that_are_let_go_of_change_nothing_of_what_is_asked_for(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = 0

    def with_room(ledger: Ledger, *room: int) -> Ledger:
        nonlocal gone
        made = hours.with_room(ledger, *room)
        gone += int(ledger.ends[1] - made.ends[1])
        return made

    monkeypatch.setattr(counts, "has_room", lambda *_: False)
    monkeypatch.setattr(counts, "with_room", with_room)
    stream = long_events(seed, count=500, longest=DAY)

    assert beside(stream, [1, 7, 100, 3, 150] * 3) == expected_beside(stream, DELAY)
    assert gone > 0


def test_names_that_nobody_uses_any_more_take_no_memory() -> None:
    side, taken = SideTables(DELAY, shared=True), list[int]()
    for month in range(15):
        names = [f"one of {month} {number}" for number in range(2_000)]
        side.count(
            frame(
                [
                    Transaction(
                        "u", START + (month * 2_000 + number) * HOUR // 2, 1.0, merchant=one, category=one
                    )
                    for number, one in enumerate(names)
                ]
            ),
            0,
        )
        side.merchants.published(0, month, {})
        side.categories.published(0, month, {})
        taken.append(side.merchants.nbytes + side.categories.nbytes)

    assert max(taken) < 3 * taken[2]


def test_times_that_are_far_ahead_make_no_name_long_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "has_room", lambda *_: False)
    side, now = SideTables(DELAY), START + 99 * DAY
    for day in range(99):
        side.count(frame(at_shop(1, START + day * DAY, merchant=f"shop of day {day}")), 0)

    side.count(frame(at_shop(17, START + 300 * DAY, merchant="odd")), 0)
    side.count(frame(at_shop(1, now, merchant="new")), 0)

    (known,) = rows(advance(State(), frame(at_shop(1, now, merchant="shop of day 90")), side))
    assert known["merchant_transactions_30d"] == 1


def test_what_is_taken_back_of_a_name_that_was_let_go_of_makes_it_no_name_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledgers = list[Ledger]()

    def with_room(ledger: Ledger, *room: int) -> Ledger:
        ledgers.append(hours.with_room(ledger, *room))
        return ledgers[-1]

    monkeypatch.setattr(counts, "has_room", lambda *_: False)
    monkeypatch.setattr(counts, "with_room", with_room)
    side = SideTables(DELAY, shared=True)
    side.count(frame(at_shop(3, merchant="old shop")), 1)
    for day in range(100):
        side.count(frame(at_shop(24, START + day * DAY)), 0)

    side.forget(1)

    old, new = (hashes(text_of(pl.Series([name])), SEED)[0] for name in ("old shop", "shop"))
    assert new in ledgers[-1].table
    assert old not in ledgers[-1].table


@settings(max_examples=100)
@given(
    stream=events(),
    steps=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=8),
)
def test_what_is_rolled_back_leaves_no_trace(stream: list[Event], steps: list[tuple[int, bool]]) -> None:
    transactions = [one for one in stream if isinstance(one, Transaction)]
    state, side = State(), SideTables(DELAY, shared=True)
    state.savepoint()
    done = 0
    for size, kept in steps:
        advance(state, frame(transactions[done : done + size]), side)
        if kept:
            done = min(done + size, len(transactions))
            state.savepoint()
            side.savepoint(0)
        else:
            state.roll_back()
            side.roll_back(0)
    # An hour that was only ever rolled back may let older ones go, so nothing is asked of those here.
    newest = max(one.time for one in transactions) + 1
    asked = [Transaction("u", newest, 1.0, merchant=name, device_id="d", category=name) for name in "ac"]

    known = rows(advance(State(), frame(asked), side))

    wanted = expected_beside([*transactions[:done], *asked], DELAY)[done:]
    assert [{name: row[name] for name in BESIDE} for row in known] == wanted


@settings(max_examples=100)
@given(
    streams=st.lists(events(), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
    publish=st.lists(st.integers(0, 2), max_size=6),
)
def test_who_learns_what_partitions_publish_counts_what_they_counted(
    streams: list[list[Event]], order: Random, publish: list[int]
) -> None:
    """Records may come late, twice, and after newer ones; each partition is then asked for nothing more."""
    worker, reader = SideTables(DELAY, shared=True), SideTables(DELAY)
    log: list[tuple[str, int, int, int, Any]] = []
    pairs: list[tuple[int, Any]] = []
    whole = list[Transaction]()
    for partition, stream in enumerate(streams):
        transactions = [one for one in stream if isinstance(one, Transaction)]
        whole += transactions
        step = max(publish[partition % len(publish)] if publish else 5, 1)
        for begin in range(0, len(transactions), step):
            worker.count(frame(transactions[begin : begin + step]), partition)
            for counted in ("merchants", "categories"):
                hours = getattr(worker, counted).dump(partition)
                getattr(worker, counted).published(partition, begin + step, hours)
                log += [(counted, partition, hour, begin + step, found) for hour, found in hours.items()]
            pairs.append((partition, worker.devices.dump(partition)))
            worker.devices.published(partition)
    twice = [*log, *order.sample(log, len(log) // 2)]
    order.shuffle(twice)
    for counted, *record in twice:
        getattr(reader, counted).learn(*record)
    for partition, found in order.sample([*pairs, *pairs], 2 * len(pairs)):
        reader.devices.learn(partition, found)

    newest = max((one.time for one in whole), default=START) + 1
    asked = frame(
        [Transaction("u", newest, 1.0, merchant=name, device_id="d", category=name) for name in "ac"]
    )
    assert rows(advance(State(), asked, reader)) == rows(advance(State(), asked, worker))


@pytest.mark.parametrize("late", [0, 1])
def test_no_transaction_knows_its_own_label_however_early_that_came(late: int) -> None:
    now = Transaction("u", START + late, 2.0, merchant="a")
    side = SideTables(DELAY)
    side.labels.learn(label_frame([Label("t0", START, fraud=True, known_at=START, merchant="a", user="u")]))

    (known,) = rows(advance(State(), frame([now]), side))

    since = None if not late else late / DAY
    assert (known["user_days_since_fraud"], known["merchant_days_since_fraud"]) == (since, since)
    assert known["merchant_days_since_first_fraud"] == since


def test_partitions_of_one_batch_are_counted_together() -> None:
    old = [Transaction("u", START, 2.0, merchant="a"), Transaction("v", START, 4.0, merchant="a")]
    now = [Transaction("u", START + 3 * DAY, 9.0, merchant="a")]
    side, states = SideTables(DELAY), (State(), State())
    advance_each([Span(states[0], 0, 1, 0), Span(states[1], 1, 2, 1)], frame(old), side)

    (known,) = rows(advance(State(), frame(now), side))

    assert known["merchant_transactions_7d"] == 2
    assert known["amount_to_merchant_mean_30d"] == 3.0


def test_a_merchant_and_a_category_of_one_name_are_counted_apart() -> None:
    old = [
        Transaction("u", START, 2.0, merchant="a", category="b"),
        Transaction("v", START, 8.0, merchant="b", category="a"),
        Transaction("v", START, 5.0, merchant="a"),
    ]
    now = Transaction("u", START + 3 * DAY, 16.0, merchant="a", category="a")
    side, state = SideTables(DELAY), State()
    label = Label("t0", START, fraud=True, known_at=START + DAY, merchant="a", user="u", category="b")
    side.labels.learn(label_frame([label]))

    known = rows(advance(state, frame([*old, now]), side))[-1]

    assert (known["merchant_transactions_30d"], known["merchant_frauds_30d"]) == (2, 1)
    assert (known["amount_to_merchant_mean_30d"], known["amount_to_category_mean_30d"]) == (16 / 3.5, 2.0)
    assert known["merchant_smoothed_rate_30d"] == (1 + 20 * (1 / 3)) / 22
    assert known["category_smoothed_rate_30d"] == (0 + 20 * (1 / 2)) / 21  # those without a category left out
    assert (known["category_visits"], known["amount_to_category_mean"]) == (0, None)


@pytest.mark.parametrize(
    ("before", "known"), [({"category": None}, {"merchants": 2}), ({"merchant": None}, {"categories": 2})]
)
def test_what_is_known_of_merchants_or_of_categories_alone_is_counted_for_the_other(
    before: dict[str, Any], known: dict[str, int]
) -> None:
    old = [Transaction("u", START, 2.0, merchant="a", device_id="d", category="c")] * 3
    now = [Transaction("v", START + 3 * DAY, 9.0, merchant="a", device_id="d", category="c")]
    upgraded, side = SideTables(DELAY), SideTables(DELAY)
    upgraded.count(frame([replace(one, **before) for one in old[:2]]), 0)

    upgraded.count(frame(old), 0, **known)

    side.count(frame(old), 0)
    assert rows(advance(State(), frame(now), upgraded)) == rows(advance(State(), frame(now), side))


def test_without_side_tables_these_features_are_unknown() -> None:
    (known,) = rows(advance(State(), frame([Transaction("u", START, 2.0, merchant="a")])))

    assert {known[name] for name in BESIDE} == {None}


def test_of_a_device_that_many_use_the_latest_users_are_known() -> None:
    crowd = [
        Transaction(f"u{number}", START + number // 50 * HOUR, 1.0, device_id="d") for number in range(200)
    ]
    late = [Transaction("u199", START + 2 * HOUR, 1.0, device_id="d")]

    known = rows(advance(State(), frame([*crowd, *late]), SideTables()))

    counts = [row["device_users_1d"] for row in known]
    assert counts[:200] == [min(number + 1, 65) for number in range(200)]
    assert counts[200] == 1 + 14  # of the 64 latest, 50 came an hour later


FAR = 4_102_444_800_000  # in the year 2100
CREDIBILITY = [name for name in BESIDE if name.startswith("merchant_")]


def at_shop(count: int, first: int = START, merchant: str = "shop") -> list[Transaction]:
    """One transaction an hour."""
    return [
        Transaction("u", first + number * HOUR, 1.0, merchant=merchant, device_id=f"d{number % 3}")
        for number in range(count)
    ]


def strays(count: int) -> list[Transaction]:
    return [
        Transaction("v", FAR + number * DAY, 1.0, merchant="shop", device_id="d1") for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("place", [0, 5, 300, 1500])
def test_times_that_are_far_ahead_change_nothing_that_is_said_of_merchants(count: int, place: int) -> None:
    stream = at_shop(2000)
    with_strays = [*stream[:place], *strays(count), *stream[place:]]
    known = {one.time: row for one, row in zip(with_strays, beside(with_strays), strict=True)}

    for one, wanted in zip(stream, beside(stream), strict=True):
        assert {name: known[one.time][name] for name in CREDIBILITY} == {
            name: wanted[name] for name in CREDIBILITY
        }


def test_a_device_is_known_beside_users_whose_time_is_far_ahead() -> None:
    stream = [
        Transaction(f"u{number % 4}", START + number * HOUR, 1.0, device_id="d") for number in range(100)
    ]
    with_strays = [*stream[:50], *(replace(one, device_id="other") for one in strays(7)), *stream[50:]]
    known = [row["device_users_1d"] for row in beside(with_strays)]

    assert [*known[:50], *known[57:]] == [row["device_users_1d"] for row in beside(stream)]


def publication(side: SideTables, offset: int) -> dict[int, Any]:
    """What a partition publishes as of an input offset, once it is on the topic."""
    slots, old = side.merchants.dump(0), side.merchants.old_slots(0)
    for slot in old:
        side.merchants.drop(0, slot)
    side.merchants.published(0, offset, slots)
    return {**dict.fromkeys(old), **slots}


@pytest.mark.parametrize("place", [0, 40, 400])
def test_times_that_are_far_ahead_are_published_and_restored_with_all_others(place: int) -> None:
    stream = at_shop(2400)
    stream = [*stream[:place], *strays(3), *stream[place:]]
    worker, topic = SideTables(DELAY, shared=True), dict[int, tuple[int, Any]]()
    for begin in range(0, len(stream), 7):
        worker.count(frame(stream[begin : begin + 7]), 0)
        for slot, entries in publication(worker, begin + 7).items():
            topic.pop(slot, None)
            if entries is not None:
                topic[slot] = begin + 7, entries
    reader = SideTables(DELAY)
    for slot, (offset, entries) in topic.items():
        reader.merchants.learn(0, slot, offset, entries)
    asked = [Transaction("u", max(one.time for one in at_shop(2400)) + HOUR, 1.0, merchant="shop")]

    (wanted,) = beside([*at_shop(2400), *asked])[-1:]
    for side in (worker, reader):
        (known,) = rows(advance(State(), frame(asked), side))
        assert {name: known[name] for name in BESIDE} == wanted
    assert worker.merchants.newest_hour(0) == asked[0].time // HOUR  # asking counts
    assert len(topic) < 24 * (30 + 2 + 7) + 10  # what is old is gone


@pytest.mark.parametrize("apart", [30 * DAY, -900 * DAY])
def test_after_a_gap_or_with_another_history_a_partition_comes_to_its_latest_hour(apart: int) -> None:
    side = SideTables(DELAY, shared=True)
    side.count(frame([*at_shop(100), *at_shop(50, START + apart)]), 0)

    assert side.merchants.newest_hour(0) == (START + apart) // HOUR + 49


def test_what_is_rolled_back_says_nothing_of_the_latest_hour() -> None:
    side = SideTables(DELAY, shared=True)
    side.count(frame(at_shop(100)), 0)
    side.savepoint(0)
    for _ in range(9):
        side.count(frame(strays(7)), 0)
        side.roll_back(0)
    side.count(frame(strays(7)), 0)

    assert side.merchants.newest_hour(0) == START // HOUR + 99


def test_rows_that_are_rolled_back_say_nothing_of_a_latest_hour_even_where_they_add_no_pair() -> None:
    side = SideTables(DELAY, shared=True)
    now = [Transaction("u", START + 100 * DAY + each, 1.0, device_id="d") for each in range(20)]
    long_ago = [Transaction("u", START + each, 1.0, device_id="d") for each in range(10)]
    side.count(frame(now), 0)
    side.savepoint(0)
    side.devices.published(0)
    for _ in range(3):
        side.count(frame(long_ago), 0)
        assert not side.devices.pending(0)
        side.roll_back(0)

    assert side.devices.newest_hour(0) == (START + 100 * DAY) // HOUR
