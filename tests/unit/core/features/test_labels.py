"""The latest label of a transaction counts, however many there are of it and in whatever order they come."""

import gc
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features.layout import Ints
from fraud_core.features.side import spans as module
from fraud_core.features.side.hourly import ByHour
from fraud_core.features.side.keys import SEED
from fraud_core.features.side.labels import Labels
from fraud_core.features.side.spans import ALWAYS, EVERYBODY, KNOWN_FROM, KNOWN_UNTIL, Spans
from fraud_core.features.strings import hashes, text_of
from tests.unit.core.features.reference import HOUR, Label
from tests.unit.core.features.streams import START, label_frame

WINDOWS: Ints = np.array([24, 48])
labels = st.builds(
    Label,
    transaction=st.sampled_from(("", "a", "a", "b", "c")),
    time=st.integers(0, 2).map(lambda hour: START + hour * HOUR),
    fraud=st.booleans(),
    known_at=st.integers(0, 4).map(lambda hour: START + hour * HOUR),
    merchant=st.sampled_from(("m", "n", None)),
    user=st.just("u"),
    category=st.sampled_from(("c", None)),
)


def known(spans: Spans) -> list[tuple[int, ...]]:
    """Those that are known at any time, sorted."""
    all_spans = np.concatenate(spans.arrays, axis=1)
    return sorted(map(tuple, all_spans[:, all_spans[KNOWN_FROM] < all_spans[KNOWN_UNTIL]].T.tolist()))


def wanted(came: Sequence[Label], whose: str) -> list[tuple[int, ...]]:
    """The same by the definition."""
    found = []
    for transaction in {one.transaction for one in came}:
        verdicts = sorted(
            (one for one in came if one.transaction == transaction), key=lambda one: one.known_at
        )
        for verdict, later in pairwise([*verdicts, None]):
            until = later.known_at if later else ALWAYS
            name = verdict and getattr(verdict, whose)
            if verdict and verdict.fraud and name and verdict.known_at < until:
                [key] = hashes(text_of(pl.Series([name])), SEED).tolist()
                found.append((key, verdict.time, verdict.known_at, until))
    return sorted(found)


@settings(max_examples=200)
@given(runs=st.lists(st.lists(labels, max_size=9), max_size=6))
def test_in_any_order_those_are_known_to_be_frauds_whose_latest_label_says_so(
    runs: list[list[Label]],
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "SHORTEST", 2)
        learning, came = Labels(), list[Label]()
        for run in runs:
            learning.learn(label_frame(run))
            came += run

            for whose in ("merchant", "user"):
                assert known(getattr(learning, f"{whose}s")) == wanted(came, whose)
            assert known(learning.categories) == wanted(came, "category")
            everywhere = [(EVERYBODY, *span[1:]) for span in wanted(came, "merchant")]
            assert known(learning.everywhere) == sorted(everywhere)


@settings(max_examples=100)
@given(runs=st.lists(st.lists(labels, max_size=9), max_size=6))
def test_counts_of_an_hour_are_kept_up_with_labels_that_are_taken_back(runs: list[list[Label]]) -> None:
    learning, hours = Labels(), START // HOUR + np.arange(6)
    kept = ByHour(learning.everywhere, 1, WINDOWS, HOUR)
    for run in runs:
        learning.learn(label_frame(run))
        found = kept.of_everybody(hours)

        anew = ByHour(learning.everywhere, 1, WINDOWS, HOUR)
        assert found.tolist() == anew.of_everybody(hours).tolist()


def objects() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def test_what_labels_say_is_kept_without_an_object_for_each() -> None:
    one = Label("", START, fraud=True, known_at=START, merchant="m", user="u", category="c")
    frames = [
        label_frame([replace(one, transaction=f"t{number}", fraud=fraud) for number in range(5_000)])
        for fraud in (True, False, True)
    ]
    kept = list[Labels]()
    for _ in range(2):  # the first also makes machine code
        before = objects()
        kept.append(Labels())
        for frame in frames:
            kept[-1].learn(frame)

    assert objects() - before < 1_000


@pytest.mark.parametrize(("fraud", "most"), [(False, 120), (True, 400)])
def test_a_label_takes_about_the_bytes_that_the_page_of_side_tables_says(*, fraud: bool, most: int) -> None:
    one = Label("", START, fraud=fraud, known_at=START, merchant="m", user="u", category="c")
    labels = Labels()
    labels.learn(label_frame([one]))  # makes machine code
    frames = [
        label_frame([replace(one, transaction=f"{part} {number}") for number in range(4_000)])
        for part in range(10)
    ]
    tracemalloc.start()

    for frame in frames:
        labels.learn(frame)

    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most / 4 < taken / 40_000 < most
