"""Without any brokers: what is not delivered must be noticed. With them: tests/integration/producer."""

import socket
import threading
from collections.abc import Iterator

import polars as pl
import pytest

from fraud_core.avro.types import polars_schema
from fraud_core.errors import UnavailableError
from fraud_core.settings import load_settings
from fraud_producer.publisher import Publisher, connect
from fraud_producer.settings import ProducerSettings


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address of this machine that refuses connections while the test lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def settings(servers: str, **producer: float) -> ProducerSettings:
    return load_settings(
        ProducerSettings, kafka={"bootstrap_servers": servers}, producer=producer, startup_timeout_s=0
    )


def frame(rows: int) -> pl.DataFrame:
    empty = pl.DataFrame(schema=polars_schema("Transaction"))
    given = pl.DataFrame({"transaction_id": [f"t{row}" for row in range(rows)], "user": ["Zoë"] * rows})
    dated = given.with_columns(amount=pl.lit(1.0), timestamp=pl.datetime(2026, 1, 1, time_unit="ms"))
    return pl.concat([empty, dated], how="diagonal")


def handed_over(publisher: Publisher, rows: int) -> None:
    publisher.send(publisher.encode_transactions(frame(rows)), 0, rows)


def test_rows_are_keyed_by_user_and_framed_with_the_schema_id(nobody: str) -> None:
    encoded = Publisher(settings(nobody), 7, 8).encode_transactions(frame(2))
    assert (encoded.topic, encoded.keys) == ("transactions", ["Zoë", "Zoë"])
    assert [value[:5] for value in encoded.values] == [b"\0\0\0\0\7"] * 2


def test_records_that_time_out_are_counted_and_named(nobody: str) -> None:
    publisher = Publisher(settings(nobody, delivery_timeout_s=0.2, linger_ms=0), 1, 2)
    handed_over(publisher, 3)
    publisher.drain(threading.Event(), 0)
    counts = publisher.counts()
    assert (counts.produced, counts.delivered, counts.failed, counts.queued) == (3, 0, 3, 0)
    error = publisher.undelivered()
    assert "3 of 3 records were not delivered" in str(error)
    assert "Message timed out (3). The first was for transactions with key 'Zoë'" in str(error)


def test_a_stop_waits_no_longer_than_the_flush_timeout_and_counts_what_it_leaves(nobody: str) -> None:
    publisher, stop = Publisher(settings(nobody), 1, 2), threading.Event()
    handed_over(publisher, 3)
    stop.set()
    publisher.drain(stop, flush_timeout_s=0.1)
    assert publisher.counts().failed == 3
    assert "still on their way when the wait for them ended (3)" in str(publisher.undelivered())


def test_a_second_signal_ends_the_wait_at_once(nobody: str) -> None:
    publisher, now = Publisher(settings(nobody), 1, 2), threading.Event()
    handed_over(publisher, 3)
    now.set()
    publisher.drain(now, flush_timeout_s=3_600, at_once=now)
    assert publisher.counts().failed == 3


def test_a_full_queue_makes_the_source_wait_until_it_is_stopped_and_drops_nothing(nobody: str) -> None:
    publisher, stop = Publisher(settings(nobody, max_queued=2), 1, 2), threading.Event()
    stop.set()
    encoded = publisher.encode_transactions(frame(5))
    assert publisher.send(encoded, 0, 5, stop) == 2
    assert publisher.counts().produced == 2


def test_a_record_that_is_too_large_fails_alone_and_by_name(nobody: str) -> None:
    large = frame(1).with_columns(merchant=pl.lit("x" * 1_100_000))
    publisher = Publisher(settings(nobody), 1, 2)
    publisher.send(publisher.encode_transactions(large), 0, 1)
    assert publisher.counts().failed == 1
    assert "Message size too large" in str(publisher.undelivered())


def test_nothing_to_complain_of_is_no_error(nobody: str) -> None:
    assert Publisher(settings(nobody), 1, 2).undelivered() is None


def test_brokers_that_do_not_answer_are_named(nobody: str) -> None:
    with pytest.raises(UnavailableError, match=f"No Kafka broker answers at {nobody}"):
        connect(settings(nobody))
