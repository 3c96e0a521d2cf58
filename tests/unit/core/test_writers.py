"""Garbage with schema ids of its own asks little of the registry, and a schema that comes late is found."""

import math
import threading

import pytest

from fraud_core.avro.writers import AT_ONCE, Writers
from fraud_core.errors import UnavailableError, UnfinishedError
from fraud_core.registry import Registry, UnknownSchemaError


class Slow(Registry):
    """Knows some ids, and takes its time for each that it is asked for."""

    def __init__(self, *known: int, takes_s: float = 0.0) -> None:
        self.known, self.takes_s, self.now = set(known), takes_s, 100.0
        self.asked: list[int] = []
        self.away = False
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def schema_by_id(self, schema_id: int) -> str:
        if self.away:
            raise UnavailableError("away")
        with self._lock:
            self.asked.append(schema_id)
            self.now += self.takes_s / AT_ONCE
        if schema_id not in self.known:
            raise UnknownSchemaError(f"no {schema_id}")
        return f"schema {schema_id}"


def writers(registry: Slow, ask_s: float = math.inf) -> Writers:
    return Writers(registry, ask_s, registry.clock)


def test_each_id_is_known_or_not_and_what_is_known_is_asked_for_once() -> None:
    registry = Slow(1, 5)
    asking = writers(registry)

    for _ in range(3):
        found = asking.of([1, 2, 5])

        assert (found[1], found[5]) == ("schema 1", "schema 5")
        assert isinstance(found[2], UnknownSchemaError)
        assert str(found[2]) == "no 2"
    assert sorted(registry.asked) == [1, 2, 2, 2, 5]


def test_a_schema_that_is_registered_late_is_known_to_the_next_batch() -> None:
    registry = Slow()
    asking = writers(registry)
    asking.of([7])

    registry.known.add(7)

    assert asking.of([7]) == {7: "schema 7"}


def test_what_is_known_is_known_while_the_registry_is_away() -> None:
    registry = Slow(1)
    asking = writers(registry)
    asking.of([1, 2])
    registry.away = True

    assert asking.of([1]) == {1: "schema 1"}
    with pytest.raises(UnavailableError):
        asking.of([1, 3])


def test_one_call_asks_for_a_bounded_time_and_the_next_ones_for_the_rest_however_long_it_takes() -> None:
    ids, registry = range(2_000), Slow(3, 1_999, takes_s=1.0)
    asking = writers(registry, ask_s=2.0)
    told = set()
    while True:
        began = registry.now
        try:
            found = asking.of(ids)
            break
        except UnfinishedError as error:
            told.add(str(error))
            assert registry.now - began <= 3.0
            registry.now += 0.5

    assert len(told) == 1, "it is the same wait"
    assert sorted(registry.asked) == list(ids)
    assert [one for one in ids if isinstance(found[one], str)] == [3, 1_999]
