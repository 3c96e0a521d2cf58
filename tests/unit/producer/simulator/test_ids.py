import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_producer.simulator.ids import hex_ids, key_of

KEYS = st.integers(0, 2**63 - 1)


@given(serials=st.lists(st.integers(0, 2**40 - 1), unique=True, max_size=50), key=KEYS)
def test_distinct_serials_have_distinct_identifiers(serials: list[int], key: int) -> None:
    assert hex_ids(np.array(serials, dtype=np.int64), key, digits=10).n_unique() == len(serials)


@given(key=KEYS)
def test_two_digits_are_enough_for_256_serials(key: int) -> None:
    found = hex_ids(np.arange(256), key, digits=2)
    assert set(found) == {f"{number:02x}" for number in range(256)}


@pytest.mark.parametrize(("prefix", "digits"), [("", 16), ("dev-", 12), ("user-", 2)])
def test_an_identifier_is_its_prefix_and_so_many_digits(prefix: str, digits: int) -> None:
    found = hex_ids(np.arange(1_000), 7, prefix=prefix, digits=digits)
    assert found.str.contains(f"^{prefix}[0-9a-f]{{{digits}}}$").all()


def test_another_key_has_other_identifiers() -> None:
    one, other = (set(hex_ids(np.arange(10_000), key_of(seed, "user"), digits=10)) for seed in (1, 2))
    assert not one & other


def test_a_key_is_the_same_on_every_machine() -> None:
    assert key_of(1, "user") == 4_456_627_250_588_636_957


def test_no_serials_have_no_identifiers() -> None:
    assert hex_ids(np.array([], dtype=np.int64), 1).to_list() == []
