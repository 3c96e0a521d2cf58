"""Messages that came too early are neither lost, nor given twice, nor put out of order."""

from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from fraud_detector.kept import Kept


def messages(partition: int, first: int, end: int) -> list[Message]:
    return [Message(topic="t", partition=partition, offset=offset) for offset in range(first, end)]


def places(taken: list[Message]) -> list[tuple[int, int]]:
    return [(one.partition() or 0, one.offset() or 0) for one in taken]


def test_what_is_kept_is_given_once() -> None:
    kept = Kept()
    kept.keep(0, messages(0, 5, 8))

    first, second = kept.take(10, but=()), kept.take(10, but=())

    assert places(first) == [(0, 5), (0, 6), (0, 7)]
    assert second == []


def test_partitions_that_are_held_back_keep_theirs() -> None:
    kept = Kept()
    kept.keep(0, messages(0, 0, 2))
    kept.keep(1, messages(1, 0, 2))

    taken = kept.take(10, but={1})

    assert places(taken) == [(0, 0), (0, 1)]
    assert kept.offsets == {1: 0}


def test_a_partition_that_is_read_from_elsewhere_has_nothing_kept() -> None:
    kept = Kept()
    kept.keep(0, messages(0, 0, 2))

    kept.drop(0)

    assert kept.take(10, but=()) == []


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), max_size=20))
def test_what_is_taken_and_kept_again_stays_in_order(turns: list[tuple[int, int]]) -> None:
    kept, decided = Kept(), list[Message]()
    kept.keep(0, messages(0, 0, 12))

    for limit, through in turns:
        taken = kept.take(limit, but=())
        decided += taken[:through]
        if taken[through:]:
            kept.keep(0, taken[through:])

    assert places([*decided, *kept.take(100, but=())]) == [(0, offset) for offset in range(12)]
