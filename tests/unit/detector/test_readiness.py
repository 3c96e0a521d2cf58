"""A worker is ready while all that it holds runs, however it came to hold it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from fraud_core.avro import Decoder, Encoder
from fraud_core.connect.control import Control
from fraud_core.connect.member import Identity, Membership
from fraud_core.connect.tasks import Tasks
from fraud_core.registry import Registry
from fraud_core.settings import load_settings
from fraud_core.topics import topics
from fraud_detector.engine import Engine
from fraud_detector.metrics import Metrics
from fraud_detector.reading import Reader
from fraud_detector.settings import DetectorSettings
from fraud_detector.sides import Sides
from fraud_detector.transaction import Transactions
from fraud_detector.worker import decider
from fraud_detector.writing import Writer

NOBODY = {"bootstrap_servers": "127.0.0.1:1", "properties": {"log_level": "0"}}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def engine(metrics: Metrics) -> Iterator[Engine]:
    """Of a worker whose brokers do not answer: what it is assigned is never restored."""
    settings = load_settings(DetectorSettings, kafka=NOBODY)
    names, registry, stop = topics(settings.topics), Registry(settings.schema_registry), threading.Event()
    deciding = decider(settings)
    limits = {topic.name: 1 << 20 for topic in (names.classified, names.alerts, names.dead_letters)}
    identity = Identity(settings.pipeline, settings.worker, "sink", "plugin", (names.transactions.name,))
    made = Engine(
        settings,
        Reader(Decoder("Transaction", registry)),
        deciding,
        Writer(settings, names, Encoder("Decision", 1), Encoder("Decision", 2), limits),
        Transactions(lambda _: pytest.fail("nothing is written here"), [], names.transactions.name, stop),
        metrics,
        Membership(identity, Control(settings.pipeline, datetime.now(UTC)), Tasks()),
        Sides(settings, names, deciding.side, registry),
        stop,
        lambda: None,
    )
    yield made
    stop.set()
    made.run()


def test_it_is_not_ready_before_its_partitions_run(engine: Engine, metrics: Metrics) -> None:
    before = metrics.ready()
    engine.on_assigned([])
    without = metrics.ready()
    engine.on_assigned([0])

    assert (before, without, metrics.ready()) == (False, True, False)


def test_it_is_once_those_are_gone_that_did_not_run(engine: Engine, metrics: Metrics) -> None:
    engine.on_assigned([0, 1])

    engine.on_revoked([0])
    with_one = metrics.ready()
    engine.on_lost([1])

    assert (with_one, metrics.ready()) == (False, True)
