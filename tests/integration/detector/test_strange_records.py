"""Whatever somebody writes to the topics that workers keep for themselves, they go on and answer."""

from itertools import product

import httpx2
import pytest
from confluent_kafka import Producer

from fraud_core.kafka import client_config
from tests.support.connector import Connector
from tests.support.pipeline import Pipeline, transactions

pytestmark = pytest.mark.stack
NO_SUCH_ID = b"\0\x7f\xff\xff\xff"
NO_ID = b"\0\xff\xff\xff\xff"


def write_strange_records(pipeline: Pipeline) -> None:
    names = pipeline.topics
    of_another_kind = pipeline.encode(transactions(0, 1))[0]
    framed = [
        b"\0" + pipeline.registry.id_of(topic).to_bytes(4, "big") + b"\xff" * 20
        for topic in (names.status, names.target_states, names.rollouts)
    ]
    values = (None, b"", b"junk", NO_SUCH_ID + b"abc", NO_ID + b"abc", of_another_kind, *framed)
    # None without a key: compacted topics refuse those.
    keys = (b"", b"/", b"\xff\xfe", f"{pipeline.name}/0".encode(), f"{pipeline.name}/state".encode())
    producer = Producer(client_config(pipeline.settings.kafka))
    own = (names.labels, names.side_tables, names.state, names.models, names.rollouts, names.status)
    for topic in (*own, names.target_states):
        for key, value in product(keys, values):
            producer.produce(topic.name, value, key, partition=0)
    assert producer.flush(60) == 0


def test_workers_decide_answer_and_obey_beside_them_and_after_a_restart(pipeline: Pipeline) -> None:
    first = pipeline.detector("a")
    pipeline.send(transactions(0, 100))
    here = Connector(lambda: first.log, pipeline.name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")

    write_strange_records(pipeline)
    pipeline.send(transactions(100, 200))
    assert pipeline.decisions(200).height == 200
    assert here.order("PUT", "/pause") == httpx2.codes.ACCEPTED
    here.comes_to(lambda: here.states() == ["PAUSED"] * 3, "it obeys")
    assert here.order("PUT", "/resume") == httpx2.codes.ACCEPTED
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "it obeys again")
    assert first.stop() == 0

    second = pipeline.detector("b")
    there = Connector(lambda: second.log, pipeline.name)
    there.comes_to(lambda: there.states() == ["RUNNING"] * 3, "what restores is not stopped by them")
    assert "Traceback" not in first.log + second.log
