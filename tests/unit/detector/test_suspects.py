"""The one record that makes a batch fail is found by halving; the others are decided."""

from confluent_kafka import Message

from fraud_detector.records import Records, group
from fraud_detector.suspects import Suspects

MAX = 64


def records(first: int, last: int) -> Records:
    return group(Message(topic="t", partition=0, offset=offset) for offset in range(first, last))


def run(culprits: set[int], count: int = 200) -> tuple[list[int], list[int], int]:
    """Decide `count` records as the engine does; returns decided offsets, dead ones, and the aborts."""
    suspects = Suspects(MAX)
    decided: list[int] = []
    dead: list[int] = []
    position = aborts = 0
    while position < count:
        batch = records(position, min(count, position + suspects.limit))
        letters = suspects.letters(batch)
        good = batch.without(letter.message for letter in letters)
        offsets = [message.offset() or 0 for message in good.messages]
        if culprits & set(offsets):
            suspects.blame(good, ValueError("evil"))
            aborts += 1
            assert aborts < 1_000, "the culprit is never found"
            continue
        decided += offsets
        dead += [letter.message.offset() or 0 for letter in letters]
        position += len(batch)
        suspects.cleared(batch)
    assert suspects.limit == MAX
    return decided, dead, aborts


def test_without_a_culprit_batches_stay_large() -> None:
    assert run(set()) == (list(range(200)), [], 0)


def test_one_culprit_becomes_the_only_dead_letter() -> None:
    decided, dead, _ = run({77})

    assert dead == [77]
    assert decided == [offset for offset in range(200) if offset != 77]


def test_several_culprits_are_all_found() -> None:
    decided, dead, _ = run({0, 1, 130, 199})

    assert dead == [0, 1, 130, 199]
    assert len(decided) == 196


def test_a_batch_that_fails_once_is_tried_again_whole() -> None:
    suspects = Suspects(MAX)

    suspects.blame(records(0, MAX), ValueError("evil"))

    assert suspects.limit == MAX


def test_giving_the_partition_up_forgets_the_suspicion() -> None:
    suspects = Suspects(MAX)
    for _ in range(4):
        suspects.blame(records(0, suspects.limit), ValueError("evil"))
    assert suspects.limit < MAX

    suspects.forget([0])

    assert suspects.limit == MAX


def test_a_partition_that_gets_another_chance_has_nobody_guilty_though_others_are_suspect() -> None:
    suspects = Suspects(1)
    other = group([Message(topic="t", partition=1, offset=0)])
    for _ in range(2):
        suspects.blame(records(0, 1), ValueError("evil"))
    suspects.blame(other, ValueError("evil"))
    assert len(suspects.letters(records(0, 1))) == 1

    suspects.forget([0])

    assert suspects.letters(records(0, 1)) == []
