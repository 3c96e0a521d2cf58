"""Whatever happens to the detectors, each transaction is decided once, as in an undisturbed run."""

import random
import signal
from contextlib import closing
from dataclasses import dataclass

import pytest
from confluent_kafka import Consumer, TopicPartition

from fraud_core.kafka import client_config
from tests.support.pipeline import Detector, Pipeline, transactions, until
from tests.support.undisturbed import assert_decided_as_if_undisturbed

pytestmark = pytest.mark.stack

OPEN_FOR_LONG = {"BATCH__COMMIT_INTERVAL_MS": "400", "BATCH__MAX_RECORDS": "100"}
"""Small batches and rare commits: while there is something to decide, a transaction is open."""
MISSED_SOON = {"GROUP__SESSION_TIMEOUT_MS": "4000", "GROUP__TRANSACTION_TIMEOUT_MS": "3000"}
"""The group waits no longer than it must for a worker that does not answer."""


@dataclass
class Flow:
    """Transactions that come in bursts, so that workers are at work when something happens to them."""

    pipeline: Pipeline
    sent: int = 0

    def burst(self, count: int = 2_400) -> None:
        """Send the next transactions."""
        self.pipeline.send(transactions(self.sent, self.sent + count))
        self.sent += count

    def until_in_a_transaction(self) -> None:
        """Send until some worker has written decisions that it has not committed."""
        while not self._in_a_transaction():
            self.burst(600)

    def _in_a_transaction(self) -> bool:
        committed, written = (self._ends(level) for level in ("read_committed", "read_uncommitted"))
        return committed < written

    def _ends(self, isolation: str) -> int:
        topics = self.pipeline.topics
        config = client_config(self.pipeline.settings.kafka) | {
            "group.id": "ends",
            "isolation.level": isolation,
        }
        with closing(Consumer(config)) as consumer:
            places = [
                TopicPartition(topic.name, partition)
                for topic in (topics.alerts, topics.classified)
                for partition in range(topic.partitions)
            ]
            return sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)


@pytest.fixture
def flow(pipeline: Pipeline) -> Flow:
    return Flow(pipeline)


def test_killed_in_the_middle_of_transactions(flow: Flow) -> None:
    dice = random.Random(7)
    settings = OPEN_FOR_LONG | MISSED_SOON
    workers = {name: flow.pipeline.detector(name, **settings) for name in ("a", "b")}
    for _ in range(5):
        name = dice.choice("ab")
        workers[name].says("running")
        flow.burst()
        flow.until_in_a_transaction()
        workers[name].kill()
        workers[name] = flow.pipeline.detector(name, **settings)

    assert_decided_as_if_undisturbed(flow.pipeline, flow.sent)


def test_a_third_joins_and_the_first_leaves(flow: Flow) -> None:
    workers = []
    for name in ("a", "b", "c"):
        workers.append(flow.pipeline.detector(name, **OPEN_FOR_LONG))
        flow.burst()
        workers[-1].says("running")
    flow.burst()

    assert workers[0].stop() == 0

    assert_decided_as_if_undisturbed(flow.pipeline, flow.sent)


def test_stopped_in_a_transaction_replaced_and_woken(flow: Flow) -> None:
    stopped = flow.pipeline.detector("a", **OPEN_FOR_LONG, **MISSED_SOON)
    stopped.says("running")
    flow.burst(6_000)
    flow.until_in_a_transaction()
    stopped.signal(signal.SIGSTOP)
    replacement = flow.pipeline.detector("b", **OPEN_FOR_LONG, **MISSED_SOON)
    replacement.says("running")
    flow.burst()

    stopped.signal(signal.SIGCONT)

    until(lambda: _gave_up(stopped), "the woken worker notices")
    assert_decided_as_if_undisturbed(flow.pipeline, flow.sent)


def _gave_up(worker: Detector) -> bool:
    """It is fenced and ends, or it has lost its partitions and begins anew."""
    return worker.process.poll() is not None or any(word in worker.log for word in ("lost", "aborted"))


def test_of_two_workers_with_one_name_the_first_is_fenced_and_says_so(pipeline: Pipeline) -> None:
    first = pipeline.detector("same")
    first.says("running")
    second = pipeline.detector("same")
    second.says("starting")
    pipeline.send(transactions(0, 300))

    assert first.exit_code() == 3
    assert "This worker was fenced" in first.log
    assert "Give each process its own --worker" in first.log
    assert pipeline.decisions(300).height == 300
