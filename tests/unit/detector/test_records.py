"""A batch, grouped by partition, with what is known of its records in columns."""

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from fraud_detector.records import Records, group


def message(partition: int, offset: int, time: tuple[int, int] = (TIMESTAMP_CREATE_TIME, 7)) -> Message:
    return Message(topic="t", partition=partition, offset=offset, timestamp=time)


def places(records: Records) -> list[tuple[int | None, int | None]]:
    return [(one.partition(), one.offset()) for one in records.messages]


MIXED = [message(2, 5), message(0, 1), message(2, 6), message(0, 2), message(1, 9)]


def test_partitions_come_together_and_keep_their_order() -> None:
    records = group(MIXED)

    assert places(records) == [(0, 1), (0, 2), (1, 9), (2, 5), (2, 6)]
    assert records.spans == [(0, 0, 2), (1, 2, 3), (2, 3, 5)]
    assert records.positions.tolist() == [1, 2, 9, 5, 6]


def test_a_commit_says_the_offset_after_the_last_of_each_partition() -> None:
    assert group(MIXED).offsets == {0: 3, 1: 10, 2: 7}


def test_records_of_partitions_that_are_not_held_are_left_out() -> None:
    assert places(group(MIXED).of({0, 2})) == [(0, 1), (0, 2), (2, 5), (2, 6)]
    assert places(group(MIXED).of(set())) == []


def test_single_records_can_be_left_out() -> None:
    assert places(group(MIXED).without([MIXED[0], MIXED[4]])) == [(0, 1), (0, 2), (2, 6)]


def test_a_record_without_a_timestamp_has_time_0() -> None:
    assert group([message(0, 1), message(0, 2, (TIMESTAMP_NOT_AVAILABLE, 5))]).times.tolist() == [7, 0]


def test_nothing_is_an_empty_batch() -> None:
    nothing = group(())

    assert (len(nothing), nothing.spans, nothing.offsets, nothing.times.tolist()) == (0, [], {}, [])
