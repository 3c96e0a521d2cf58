"""The producer flat out, beside the bare produce rate of the same bytes encoded beforehand.

Both ways use one client configuration and take turns, so that they meet the same machine.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from fraud_core.settings import load_settings
from fraud_local.bench.place import Place
from fraud_local.bench.workload import CHUNK, Workload
from fraud_producer.publisher import Publisher, connect
from fraud_producer.settings import ProducerSettings

NEVER = threading.Event()
DRAIN_S = 60
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rates:
    """Transactions a second of one round."""

    bare: float
    producer: float


def measure(place: Place, workload: Workload, rounds: int, say: Say) -> list[Rates]:
    """Produce the workload both ways, in turn; a first round warms up and does not count."""
    topic = place.fill("produced", [])
    settings = load_settings(ProducerSettings, **place.settings(topic, f"{place.name}.").model_dump())
    chunks = list(workload.chunks())
    found = []
    for _ in range(rounds + 1):
        found.append(Rates(_bare(settings, chunks), _whole(settings, chunks)))
        say(f"bare {found[-1].bare:>10,.0f}/s   producer {found[-1].producer:>10,.0f}/s")
    return found[1:]


def _bare(settings: ProducerSettings, chunks: list[pl.DataFrame]) -> float:
    publisher = connect(settings)
    ready = [publisher.encode_transactions(chunk) for chunk in chunks]
    began = time.perf_counter()
    for encoded in ready:
        publisher.send(encoded, 0, CHUNK)
    return _rate(publisher, chunks, began)


def _whole(settings: ProducerSettings, chunks: list[pl.DataFrame]) -> float:
    publisher = connect(settings)
    began = time.perf_counter()
    for chunk in chunks:
        publisher.send(publisher.encode_transactions(chunk), 0, CHUNK)
    return _rate(publisher, chunks, began)


def _rate(publisher: Publisher, chunks: list[pl.DataFrame], began: float) -> float:
    """Up to when the brokers have all.

    Raises:
        DeliveryError: they did not take all.
    """
    publisher.drain(NEVER, DRAIN_S)
    seconds = time.perf_counter() - began
    if undelivered := publisher.undelivered():
        raise undelivered
    return sum(chunk.height for chunk in chunks) / seconds
