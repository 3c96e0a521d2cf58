"""Whatever happens to the detectors, each transaction is decided once, as in an undisturbed run."""

import random
import signal
import time
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

    def has_ended(self, worker: Detector) -> bool:
        """Send a little, as an idle worker does not notice that it is fenced, and look."""
        self.burst(60)
        return worker.process.poll() is not None

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


def _began_anew(worker: Detector) -> bool:
    """It has run all its partitions twice."""
    return worker.log.count("running") >= 2 * 3


def test_of_two_workers_with_one_name_the_second_waits_until_the_first_has_ended(pipeline: Pipeline) -> None:
    first = pipeline.detector("same")
    first.says("running")
    second = pipeline.detector("same")
    second.says("Another process has this worker's name")
    pipeline.send(transactions(0, 300))
    assert pipeline.decisions(300).height == 300

    assert first.stop() == 0

    pipeline.send(transactions(300, 600))
    assert pipeline.decisions(600).height == 600
    assert second.stop() == 0


def test_a_name_that_does_not_become_free_is_told_by_the_exit_status(pipeline: Pipeline) -> None:
    first = pipeline.detector("same")
    first.says("running")

    second = pipeline.detector("same", STARTUP_TIMEOUT_S="10")

    assert second.exit_code() == 3
    assert "Another process has this worker's name" in second.log
    assert "Give each process its own --worker" in second.log
    assert first.process.poll() is None
    assert first.stop() == 0


def test_who_was_taken_for_dead_is_fenced_says_so_and_waits_when_it_is_started_again(flow: Flow) -> None:
    first = flow.pipeline.detector("same", **OPEN_FOR_LONG, **MISSED_SOON)
    first.says("running")
    flow.burst(6_000)
    flow.until_in_a_transaction()
    first.signal(signal.SIGSTOP)
    second = flow.pipeline.detector("same", **OPEN_FOR_LONG, **MISSED_SOON)
    second.says("running")

    first.signal(signal.SIGCONT)
    until(lambda: flow.has_ended(first), "the first worker is fenced")

    assert first.exit_code() == 3
    assert "This worker was fenced" in first.log
    assert "Another process has taken over its name" in first.log
    again = flow.pipeline.detector("same", **OPEN_FOR_LONG, **MISSED_SOON)
    again.says("Another process has this worker's name")
    flow.burst()
    assert flow.pipeline.decisions(flow.sent).height == flow.sent
    assert second.process.poll() is None
    assert again.process.poll() is None
    assert "fenced" not in second.log
    assert_decided_as_if_undisturbed(flow.pipeline, flow.sent)


def test_who_was_away_too_long_and_replaced_by_nobody_is_to_be_started_again(flow: Flow) -> None:
    worker = flow.pipeline.detector("a", **OPEN_FOR_LONG, **MISSED_SOON)
    worker.says("running")
    flow.burst(6_000)
    flow.until_in_a_transaction()
    worker.signal(signal.SIGSTOP)
    time.sleep(8)  # longer than the brokers wait for the transaction's end

    worker.signal(signal.SIGCONT)

    until(lambda: flow.has_ended(worker) or _began_anew(worker), "the woken worker notices")
    if worker.process.poll() is not None:
        assert worker.exit_code() == 75
        assert "No other process has its name" in worker.log
        flow.pipeline.detector("a", **OPEN_FOR_LONG, **MISSED_SOON)
    assert_decided_as_if_undisturbed(flow.pipeline, flow.sent)
