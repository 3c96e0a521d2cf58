"""Poison: every kind, known by its key, and none of it a transaction."""

import pytest

from fraud_core.avro import Encoder
from fraud_local.bench.workload import Workload
from fraud_local.chaos.poison import NO_SUCH_ID, Poison, Record

HEADER = b"\0\0\0\0\1"


def poison(seed: int = 1) -> Poison:
    return Poison(Encoder("Transaction", 1), next(Workload(1, 10).chunks()), seed)


@pytest.fixture
def dose() -> list[Record]:
    return poison().dose()


def test_a_dose_has_every_kind(dose: list[Record]) -> None:
    starts = [None if value is None else value[:5] for _, value in dose]

    assert starts[0] is not None
    assert starts[0][:1] == b"\x01"
    assert starts[1:4] == [NO_SUCH_ID, HEADER, None]
    assert starts[4:] == [HEADER, HEADER]


def test_keys_are_never_dealt_twice(dose: list[Record]) -> None:
    dealt = poison()
    keys = [record.key for _ in range(5) for record in dealt.dose()]

    assert len(set(keys)) == len(keys) == 5 * len(dose)


def test_the_same_seed_deals_the_same(dose: list[Record]) -> None:
    assert poison(1).dose() == dose
    assert poison(2).dose() != dose
