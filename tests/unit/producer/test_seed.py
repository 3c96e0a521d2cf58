"""The tutorial's transactions: its values, and nothing else."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_core.avro.types import polars_schema
from fraud_producer.options import Options
from fraud_producer.pacing import FlatOut
from fraud_producer.seed import SeedStream
from fraud_producer.sources import plan

NOW = 1_767_225_600_000
TIMES = NOW + 500 * np.arange(20_000)


def drawn(seed: int = 1) -> pl.DataFrame:
    return SeedStream(seed).at(TIMES)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("user", {"John", "Peter", "Sam"}),
        ("location", {"US", "IN", "FR", "BR", "JP"}),
        ("device", {"mobile", "desktop", "tablet"}),
        ("merchant", {"Amazon", "Walmart", "Apple", "Nike", "XYZ_Merchant"}),
        ("txn_type", {"purchase", "transfer", "withdrawal", "deposit"}),
    ],
)
def test_each_of_the_tutorials_values_comes_up_as_often_as_the_others(column: str, values: set[str]) -> None:
    counts = dict(drawn()[column].value_counts().iter_rows())
    assert set(counts) == values
    assert min(counts.values()) > 0.9 * len(TIMES) / len(values)


def test_amounts_are_uniform_from_1_to_500_in_cents() -> None:
    amounts = drawn()["amount"]
    assert amounts.is_between(1, 500).all()
    assert amounts.round(2).equals(amounts)
    shares = np.histogram(amounts.to_numpy(), bins=10, range=(1, 500))[0] / len(amounts)
    assert np.abs(shares - 0.1).max() < 0.01


def test_frames_have_the_schema_and_what_the_tutorial_lacks_is_null() -> None:
    found = drawn()
    assert found.schema == polars_schema("Transaction")
    told = {"transaction_id", "user", "amount", "timestamp", "location", "device", "merchant", "txn_type"}
    assert {column.name for column in found if column.null_count() == 0} == told
    assert {column.name for column in found if column.null_count() == found.height} == set(
        found.columns
    ) - told


def test_event_times_are_those_asked_for() -> None:
    assert drawn()["timestamp"].to_physical().to_list() == TIMES.tolist()


def test_the_same_seed_and_times_give_the_same_stream_in_frames_of_any_size() -> None:
    stream, cuts = SeedStream(1), [0, 1, 1, 17, 5_000, len(TIMES)]
    pieces = [stream.at(TIMES[begin:end]) for begin, end in pairwise(cuts)]
    assert_frame_equal(pl.concat(pieces), drawn())


def test_another_seed_is_another_stream() -> None:
    one, other = drawn(1), drawn(2)
    assert not one["amount"].equals(other["amount"])
    assert not set(one["transaction_id"]) & set(other["transaction_id"])


def test_a_second_run_of_a_seed_repeats_no_transaction_id() -> None:
    second = SeedStream(1).at(TIMES + 60_000)
    assert not set(drawn()["transaction_id"]) & set(second["transaction_id"])


def test_transaction_ids_are_never_used_twice() -> None:
    assert drawn()["transaction_id"].is_unique().all()


def test_there_is_one_each_half_second_unless_a_rate_says_otherwise() -> None:
    for options, gap_ms in ((Options(profile="seed"), 500), (Options(profile="seed", rate=50), 20)):
        slices = iter(plan(options).slices)
        times = pl.concat([next(slices).transactions for _ in range(5)])["timestamp"].to_physical()
        assert times.diff().drop_nulls().is_between(gap_ms - 1, gap_ms + 1).all()


def test_flat_out_is_flat_out() -> None:
    assert isinstance(plan(Options(profile="seed", flat_out=True)).pace, FlatOut)


def test_nobody_knows_which_of_them_are_fraud() -> None:
    first = next(iter(plan(Options(profile="seed", seed=1)).slices))
    assert first.truth["fraud"].is_null().all()
    assert first.labels.is_empty()


def test_without_a_seed_each_run_has_its_own() -> None:
    one, other = (next(iter(plan(Options(profile="seed", rate=1_000)).slices)) for _ in range(2))
    assert one.transactions["amount"].to_list() != other.transactions["amount"].to_list()
