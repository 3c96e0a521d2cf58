"""Known frauds are found among many, however they came and went."""

from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest

from fraud_core.features.layout import Ints
from fraud_core.features.side import hourly
from fraud_core.features.side import spans as module
from fraud_core.features.side.hourly import ByHour
from fraud_core.features.side.merchants import WINDOWS
from fraud_core.features.side.spans import ALWAYS, COLUMNS, EVERYBODY, Spans, known_frauds
from tests.unit.core.features.reference import DAY, HOUR
from tests.unit.core.features.streams import START

DELAY, HORIZON = 48, 30 * 24 + 48


class Span(NamedTuple):
    key: int
    time: int
    known_from: int
    known_until: int


def change(spans: Spans, removed: list[Span], added: list[Span]) -> None:
    spans.change(*(np.array(some, dtype=np.int64).reshape(len(some), COLUMNS).T for some in (removed, added)))


def drawn(random: Random, keys: int) -> Span:
    time = START + random.randrange(90 * DAY) // HOUR * random.choice((HOUR, HOUR, HOUR // 2))
    known_from = time + random.randrange(9 * DAY)
    return Span(
        1 + random.randrange(keys),
        time,
        known_from,
        random.choice((known_from + random.randrange(1, DAY), ALWAYS)),
    )


def plain(spans: list[Span], keys: Ints, times: Ints) -> list[tuple[list[int], int, int]]:
    found = []
    for key, now in zip(keys.tolist(), times.tolist(), strict=True):
        pane = now // HOUR
        live = [
            one.time
            for one in spans
            if one.key == key and one.time < now and one.known_from <= now < one.known_until
        ]
        seen = [time for time in live if time // HOUR > pane - HORIZON]
        counts = [
            sum(pane - DELAY - window < time // HOUR <= pane - DELAY for time in live)
            for window in WINDOWS.tolist()
        ]
        found.append((counts, min(seen, default=-1), max(seen, default=-1)))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_was_put_in_and_not_taken_out_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORTEST", 4)
    random, spans, there, most = Random(seed), Spans(), list[Span](), 0
    for _ in range(90):
        gone = random.sample(there, min(len(there), random.choice((0, 0, 1, 5))))
        new = [drawn(random, keys=5) for _ in range(random.choice((0, 1, 1, 2, 30)))]
        new += new[: random.randrange(2)]
        for span in gone:
            there.remove(span)
        there += new
        change(spans, gone, new)
        most = max(most, len(spans.arrays))
    keys = np.array([random.randrange(7) for _ in range(300)])
    times = np.array([START + random.randrange(140 * DAY) for _ in range(300)])

    counts, earliest, latest = known_frauds(spans, keys, times, DELAY, WINDOWS, HOUR, HORIZON)

    assert most > 2
    wanted = plain([one for one in there if one.key], keys, times)
    assert [*zip(counts.T.tolist(), earliest.tolist(), latest.tolist(), strict=True)] == wanted


@pytest.mark.parametrize("seed", range(3))
def test_of_many_of_one_key_all_are_found_whether_or_not_their_neighbours_are_known(seed: int) -> None:
    random, spans, there = Random(seed), Spans(), list[Span]()
    for _ in range(12):
        gone = random.sample(there, min(len(there), random.choice((0, 0, 2))))
        new = [
            one if random.random() < 0.003 else one._replace(known_until=ALWAYS)
            for one in (drawn(random, keys=2) for _ in range(400))
        ]
        for span in gone:
            there.remove(span)
        there += new
        change(spans, gone, new)
    keys = np.array([random.randrange(4) for _ in range(150)])
    times = np.array([START + random.randrange(60 * DAY, 140 * DAY) for _ in range(150)])

    counts, earliest, latest = known_frauds(spans, keys, times, DELAY, WINDOWS, HOUR, HORIZON)

    wanted = plain([one for one in there if one.key], keys, times)
    assert [*zip(counts.T.tolist(), earliest.tolist(), latest.tolist(), strict=True)] == wanted


def test_of_everybody_those_count_that_were_known_when_the_hour_began() -> None:
    random, spans = Random(1), Spans()
    there = [drawn(random, keys=1)._replace(key=EVERYBODY) for _ in range(900)]
    for begin in range(0, 900, 50):
        change(spans, [], there[begin : begin + 50])
    hours = np.arange(START // HOUR, START // HOUR + 140 * 24, 7)

    found = ByHour(spans, DELAY, WINDOWS, HOUR).of_everybody(hours)

    wanted = [counts for counts, _, _ in plain(there, np.full(hours.size, EVERYBODY), hours * HOUR)]
    assert found.T.tolist() == wanted


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [9, 4096])
def test_what_becomes_known_between_two_questions_counts_in_the_second(
    seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORTEST", 4)
    monkeypatch.setattr(hourly, "MOST", most)
    random, spans, there = Random(seed), Spans(), list[Span]()
    by_hour = ByHour(spans, DELAY, WINDOWS, HOUR)
    for _ in range(60):
        gone = random.sample(there, min(len(there), random.choice((0, 0, 1, 5))))
        new = [drawn(random, keys=3) for _ in range(random.choice((0, 1, 1, 2, 30)))]
        for span in gone:
            there.remove(span)
        there += new
        change(spans, gone, new)
        keys = np.array([random.randrange(5) for _ in range(6)])
        hours = START // HOUR + 24 * np.array([random.randrange(5, 90, 17) for _ in range(6)])

        found = by_hour.counts(keys, hours)

        known = [one for one in there if one.key]
        assert found.T.tolist() == [counts for counts, _, _ in plain(known, keys, hours * HOUR)]


def test_once_an_hour_is_counted_a_batch_of_it_looks_only_at_what_became_known_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random, spans, looked_at = Random(1), Spans(), list[int]()
    change(spans, [], [drawn(random, keys=1)._replace(key=EVERYBODY) for _ in range(5_000)])
    by_hour, hours = ByHour(spans, DELAY, WINDOWS, HOUR), np.array([START // HOUR + 60 * 24])
    real = module.add_known_by_hour

    def noted(array: Ints, *rest: Any) -> None:
        looked_at.append(array.shape[1])
        real(array, *rest)

    monkeypatch.setattr(hourly, "add_known_by_hour", noted)
    for _ in range(3):
        by_hour.of_everybody(hours)
    change(spans, [], [drawn(random, keys=1)._replace(key=EVERYBODY) for _ in range(2)])
    by_hour.of_everybody(hours)

    assert looked_at == [5_000, 2]
