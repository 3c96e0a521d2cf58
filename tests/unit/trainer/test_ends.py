"""Where reading of decisions may end: what is looked at before it does."""

from hypothesis import given
from hypothesis import strategies as st

from fraud_core.offsets import Span
from fraud_trainer.ends import SAMPLE, samples

LENGTHS = st.integers(1, 10_000_000)


@given(st.integers(0, 10**9), LENGTHS, LENGTHS)
def test_what_is_longer_than_the_wrong_records_before_it_is_met(begin: int, wrong: int, after: int) -> None:
    length = wrong + SAMPLE
    right = Span(begin + wrong, begin + wrong + length)

    parts = list(samples(Span(begin, right.end + after)))

    assert any(part.begin < right.end and part.end > right.begin for part in parts)


@given(st.integers(0, 10**9), LENGTHS)
def test_little_is_looked_at_and_nothing_outside(begin: int, length: int) -> None:
    parts = list(samples(Span(begin, begin + length)))

    assert all(begin <= part.begin < part.end <= begin + length for part in parts)
    assert sum(part.length for part in parts) <= 18 * SAMPLE


def test_of_nothing_there_are_no_samples() -> None:
    assert list(samples(Span(5, 5))) == []
