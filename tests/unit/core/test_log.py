"""Lines for machines or people, and not twenty a second from a client without its broker."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from fraud_core import log
from fraud_core.log import CLIENT, Sparse
from fraud_core.settings import LogSettings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger(CLIENT).filters.clear()


def test_a_line_for_machines_is_one_object_with_its_fields() -> None:
    stream = io.StringIO()
    log.configure(LogSettings(format="json"), stream)

    log.logger("part").info("restored", partition=3)

    line = json.loads(stream.getvalue())
    assert (line["event"], line["partition"], line["logger"], line["level"]) == (
        "restored",
        3,
        "part",
        "info",
    )


def test_the_kafka_client_says_one_line_a_second_and_how_many_were_held_back() -> None:
    now = 100.0
    sparse = Sparse(lambda: now)

    def line() -> logging.LogRecord:
        return logging.LogRecord(CLIENT, logging.ERROR, "", 0, "%s is down", ("broker",), None)

    assert sparse.filter(line())
    assert [sparse.filter(line()) for _ in range(19)] == [False] * 19
    now = 101.0
    last = line()
    assert sparse.filter(last)
    assert last.getMessage() == "broker is down (19 more lines held back)"


def test_only_the_client_is_held_back() -> None:
    stream = io.StringIO()
    log.configure(LogSettings(format="json"), stream)

    for number in range(5):
        logging.getLogger(CLIENT).error("gone %d", number)
        log.logger("part").info("decided", number=number)

    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events.count("decided") == 5
    assert events.count("gone 0") == 1
    assert len(events) == 6
