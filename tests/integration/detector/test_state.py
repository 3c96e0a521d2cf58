"""A restart reads snapshots and little input, and goes on as if nothing had happened."""

import random
import threading
import time
from typing import Any

import polars as pl
import pytest
import structlog
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions

from fraud_core.features import FORMAT
from fraud_core.kafka import admin_client, client_config
from fraud_core.rules import evaluate
from fraud_core.settings import load_settings
from fraud_detector import deciding
from fraud_detector.replay import Replays, Step
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import run
from tests.support.pipeline import Detector, Pipeline, configure, transactions, until
from tests.support.undisturbed import assert_decided_as_if_undisturbed

pytestmark = pytest.mark.stack

USERS = 200
CYCLE = 300
BATCH = 50
SETTINGS = {
    "LOG__FORMAT": "json",
    "BATCH__MAX_RECORDS": str(BATCH),
    "STATE__SNAPSHOT_CYCLE_RECORDS": str(CYCLE),
}
PARTITIONS = 3


def send(pipeline: Pipeline, first: int, last: int) -> None:
    pipeline.send(transactions(first, last, users=USERS))


def replayed(detector: Detector, partitions: int = PARTITIONS) -> int:
    """How many records it read again, once all partitions run."""
    until(lambda: len(detector.events("running")) >= partitions, f"all run; it said:\n{detector.log[-3000:]}")
    return sum(event["replayed"] for event in detector.events("restored"))


def decided_and_killed(pipeline: Pipeline, count: int, **settings: str) -> None:
    """The last few come when all else is committed: they are what the snapshots don't include."""
    detector = pipeline.detector("first", **SETTINGS | settings)
    send(pipeline, 0, count - 30)
    pipeline.decisions(count - 30)
    send(pipeline, count - 30, count)
    pipeline.decisions(count)
    detector.kill()


def test_after_a_kill_only_what_is_younger_than_a_cycle_is_read_again(pipeline: Pipeline) -> None:
    decided_and_killed(pipeline, 6_000)

    second = pipeline.detector("second", **SETTINGS)
    send(pipeline, 6_000, 7_000)

    assert 0 < replayed(second) <= PARTITIONS * (CYCLE + 2 * BATCH)
    assert sum(event["users"] for event in second.events("restored")) == USERS
    assert all(event["snapshot_bytes"] for event in second.events("restored"))
    assert_decided_as_if_undisturbed(pipeline, 7_000)


def test_killed_again_and_again_while_snapshots_are_written(pipeline: Pipeline) -> None:
    dice = random.Random(3)

    def feed() -> None:
        for first in range(0, 9_000, 300):
            send(pipeline, first, first + 300)

    feeding = threading.Thread(target=feed)
    feeding.start()
    for number in range(5):
        detector = pipeline.detector("one", **SETTINGS | {"BATCH__COMMIT_INTERVAL_MS": "300"})
        detector.says('"running"')
        time.sleep(dice.uniform(0.2, 1.2) if number else 3.0)
        detector.kill()
    pipeline.detector("one", **SETTINGS)
    feeding.join()

    assert_decided_as_if_undisturbed(pipeline, 9_000)


def test_a_partition_without_input_gets_its_snapshots_by_time_and_then_needs_no_input(
    pipeline: Pipeline,
) -> None:
    first = pipeline.detector("first", **SETTINGS | {"STATE__SNAPSHOT_CYCLE_S": "2"})
    send(pipeline, 0, 900)
    pipeline.decisions(900)
    time.sleep(8)
    first.kill()
    pipeline.delete_before(dict.fromkeys(range(PARTITIONS), -1))

    second = pipeline.detector("second", **SETTINGS | {"STATE__ON_MISMATCH": "fail"})
    send(pipeline, 900, 1_200)

    assert replayed(second) == 0
    later = pipeline.decisions(1_200).filter(pl.col("source_offset") >= 300)["features"].struct.unnest()
    assert later["seconds_since_last"].to_list() == [200.0] * later.height


def test_a_batch_that_fails_after_the_state_has_learnt_from_it_is_taken_back_in_memory(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls in (3, 8, 20, 40):
            raise RuntimeError("made to fail")
        return evaluate(*arguments)

    monkeypatch.setattr(deciding, "evaluate", failing)
    for name, value in pipeline.environment.items():
        monkeypatch.setenv(name, value)
    batch = {"max_records": BATCH, "commit_interval_ms": 200}
    settings = load_settings(DetectorSettings, worker="w", batch=batch, http={"enabled": False})
    stop = threading.Event()
    worker = threading.Thread(target=run, args=(settings, stop))
    with structlog.testing.capture_logs() as logs:
        worker.start()
        try:
            send(pipeline, 0, 3_000)
            pipeline.decisions(3_000)
        finally:
            stop.set()
            worker.join()

    assert sum(line["event"] == "aborted" for line in logs) >= 4
    assert sum(line["event"] == "restored" for line in logs) <= PARTITIONS
    monkeypatch.undo()
    assert_decided_as_if_undisturbed(pipeline, 3_000)


def test_a_rebalance_in_the_middle_of_restores_moves_states_without_harm(pipeline: Pipeline) -> None:
    seldom = {"BATCH__MAX_RECORDS": "5000", "STATE__SNAPSHOT_CYCLE_RECORDS": "1000000"}
    decided_and_killed(pipeline, 20_000, **seldom)
    slow = SETTINGS | seldom | {"BATCH__MAX_RECORDS": "1"}
    first = pipeline.detector("first", **slow)
    first.says('"restoring"')
    second = pipeline.detector("second", **slow)
    second.says('"assigned"')
    until(lambda: bool(first.events("revoked")), "the first gives a partition up")
    assert len(first.events("restored")) < PARTITIONS
    second.kill()
    send(pipeline, 20_000, 20_300)

    pipeline.detector("third", **SETTINGS)
    assert_decided_as_if_undisturbed(pipeline, 20_300)


def test_an_open_transaction_at_the_end_of_the_snapshots_is_waited_for(pipeline: Pipeline) -> None:
    decided_and_killed(pipeline, 3_000)
    producer = Producer({**client_config(pipeline.settings.kafka), "transactional.id": "somebody"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for partition in range(PARTITIONS):
        producer.produce(pipeline.topics.state.name, b"open", b"other/0/0/0", partition)
    assert producer.flush(30) == 0

    second = pipeline.detector("second", **SETTINGS)
    until(lambda: any(event.get("snapshots_left") for event in second.events("restoring")), "it tells")
    time.sleep(2)
    waiting = second.events("running")
    producer.abort_transaction(30)
    send(pipeline, 3_000, 3_300)

    assert waiting == []
    assert replayed(second) <= PARTITIONS * (CYCLE + 2 * BATCH)
    assert_decided_as_if_undisturbed(pipeline, 3_300)


def test_a_state_topic_with_nothing_but_transaction_markers_is_read_to_its_end(pipeline: Pipeline) -> None:
    decided_and_killed(pipeline, 900, STATE__DURABLE="false")
    producer = Producer({**client_config(pipeline.settings.kafka), "transactional.id": "somebody"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for partition in range(PARTITIONS):
        producer.produce(pipeline.topics.state.name, b"undone", b"other/0/0/0", partition)
    producer.abort_transaction(30)

    second = pipeline.detector("second", **SETTINGS)
    send(pipeline, 900, 1_200)

    assert replayed(second) == 900
    assert_decided_as_if_undisturbed(pipeline, 1_200)


def test_a_state_topic_that_was_compacted_is_read_to_its_end(pipeline: Pipeline) -> None:
    configure(pipeline, pipeline.topics.state.name, segment_ms="500", min_cleanable_dirty_ratio="0.01")
    first = pipeline.detector("first", **SETTINGS)
    for begin in range(0, 6_000, 500):
        send(pipeline, begin, begin + 500)
        time.sleep(0.5)
    pipeline.decisions(6_000)
    until(lambda: _compacted(pipeline), "the first snapshots are gone")
    first.kill()

    second = pipeline.detector("second", **SETTINGS)
    send(pipeline, 6_000, 6_300)

    assert 0 < replayed(second) <= PARTITIONS * (CYCLE + 2 * BATCH)
    assert_decided_as_if_undisturbed(pipeline, 6_300)


def _compacted(pipeline: Pipeline) -> bool:
    firsts: dict[int | None, int] = {}
    for message in pipeline.outputs(0, pipeline.topics.state.name):
        firsts.setdefault(message.partition(), message.offset() or 0)
    return len(firsts) == PARTITIONS and min(firsts.values()) > 0


def test_snapshots_of_an_unknown_format_are_rebuilt_from_the_input_or_refused(pipeline: Pipeline) -> None:
    decided_and_killed(pipeline, 3_000)
    producer = Producer(client_config(pipeline.settings.kafka))
    name = pipeline.environment["FRAUD_PIPELINE"]
    for partition in range(PARTITIONS):
        producer.produce(pipeline.topics.state.name, b"\x00\x63later", f"{name}/{partition}/0/0", partition)
    assert producer.flush(30) == 0

    refusing = pipeline.detector("refusing", **SETTINGS | {"STATE__ON_MISMATCH": "fail"})
    assert refusing.exit_code() == 1
    assert f"its snapshots have format 99, and this version reads {FORMAT}" in refusing.log
    assert "FRAUD_STATE__ON_MISMATCH=rebuild" in refusing.log

    rebuilding = pipeline.detector("rebuilding", **SETTINGS)
    send(pipeline, 3_000, 4_000)
    assert replayed(rebuilding) == 3_000
    assert len(rebuilding.events("state_rebuilt")) == PARTITIONS
    pipeline.decisions(4_000)
    rebuilding.kill()

    third = pipeline.detector("third", **SETTINGS)
    send(pipeline, 4_000, 4_300)
    assert replayed(third) < 3_000
    assert_decided_as_if_undisturbed(pipeline, 4_300)


def test_another_number_of_input_partitions_is_told_and_the_state_rebuilt(pipeline: Pipeline) -> None:
    decided_and_killed(pipeline, 3_000)
    names = pipeline.topics
    admin = admin_client(pipeline.settings.kafka)
    grown = admin.create_partitions([NewPartitions(names.transactions.name, PARTITIONS + 1)])
    grown[names.transactions.name].result(10)

    refused = pipeline.detector("early", **SETTINGS)
    assert refused.exit_code() == 2
    assert f"{names.transactions.name} has 4 partitions and {names.state.name} only 3" in refused.log

    pipeline.set_up()
    refusing = pipeline.detector("refusing", **SETTINGS | {"STATE__ON_MISMATCH": "fail"})
    assert refusing.exit_code() == 1
    assert "its snapshots are of an input of 3 partitions, and it has 4" in refusing.log

    rebuilding = pipeline.detector("rebuilding", **SETTINGS)
    assert replayed(rebuilding, PARTITIONS + 1) == 3_000
    send(pipeline, 3_000, 4_000)
    assert_decided_as_if_undisturbed(pipeline, 4_000)


def test_a_committed_offset_that_is_not_retained_is_told_and_deciding_goes_on_or_not(
    pipeline: Pipeline,
) -> None:
    decided_and_killed(pipeline, 3_000)
    send(pipeline, 3_000, 6_000)
    pipeline.delete_before(dict.fromkeys(range(PARTITIONS), 1_500))

    refusing = pipeline.detector("refusing", **SETTINGS | {"STATE__ON_MISMATCH": "fail"})
    assert refusing.exit_code() == 1
    assert "is not retained, the input has 1500 to" in refusing.log

    going_on = pipeline.detector("going-on", **SETTINGS)
    kept = sum(pipeline.retained(partition) for partition in range(PARTITIONS))
    assert pipeline.decisions(3_000 + kept).height == 3_000 + kept
    assert "is not retained, the input has 1500 to" in going_on.log


def test_a_replay_that_retention_overtakes_says_so_instead_of_leaving_out_what_is_gone(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in pipeline.environment.items():
        monkeypatch.setenv(name, value)
    pipeline.send(transactions(0, 300, users=1))
    (partition,) = [one for one in range(PARTITIONS) if pipeline.retained(one)]
    replays = Replays(load_settings(DetectorSettings))
    pipeline.delete_before({partition: 100})  # before it has fetched anything, as a client fetches ahead
    replays.add(partition, 0, 300)
    steps: list[Step] = []

    def step() -> Step:
        steps.append(replays.step(0.2))
        return steps[-1]

    until(lambda: bool(step().overtaken), "it is told")

    assert steps[-1].overtaken == {partition}
    assert not any(step.done for step in steps)
    assert replays.left() == {}
    replays.add(partition, 100, 300)
    until(lambda: bool(step().done), "what is left is read")
    assert sum(len(step.records) for step in steps) == 200
    replays.close()


def test_snapshots_whose_input_is_not_retained_are_not_trusted(pipeline: Pipeline) -> None:
    decided_and_killed(pipeline, 3_000)
    pipeline.delete_before(dict.fromkeys(range(PARTITIONS), -1))

    detector = pipeline.detector("second", **SETTINGS | {"STATE__ON_MISMATCH": "fail"})

    assert detector.exit_code() == 1
    assert "lower FRAUD_STATE__SNAPSHOT_CYCLE_RECORDS and _S" in detector.log


def test_an_input_that_is_deleted_before_a_cycle_of_snapshots_is_over_is_refused(pipeline: Pipeline) -> None:
    configure(pipeline, pipeline.topics.transactions.name, retention_ms="60000")

    detector = pipeline.detector()

    assert detector.exit_code() == 2
    assert "retention.ms=60000, and a cycle of snapshots takes up to 3600 s" in detector.log
    assert "Raise it to 7200000 at least, or lower FRAUD_STATE__SNAPSHOT_CYCLE_S." in detector.log


def test_an_input_too_small_for_a_cycle_of_snapshots_is_refused(pipeline: Pipeline) -> None:
    send(pipeline, 0, 900)
    pipeline.delete_before({0: 10})
    configure(pipeline, pipeline.topics.transactions.name, retention_bytes="100000")

    detector = pipeline.detector()

    assert detector.exit_code() == 2
    assert "Raise retention.bytes to hold 200000 at least" in detector.log


def test_a_state_topic_that_forgets_is_refused(pipeline: Pipeline) -> None:
    configure(pipeline, pipeline.topics.state.name, cleanup_policy="delete")

    detector = pipeline.detector()

    assert detector.exit_code() == 2
    assert f"{pipeline.topics.state.name} has cleanup.policy=delete" in detector.log


def test_without_durability_nothing_is_written_and_all_input_is_read_again(pipeline: Pipeline) -> None:
    off = SETTINGS | {"STATE__DURABLE": "false"}
    decided_and_killed(pipeline, 3_000, **off)

    second = pipeline.detector("second", **off)
    send(pipeline, 3_000, 3_300)

    assert replayed(second) == 3_000
    assert pipeline.outputs(0, pipeline.topics.state.name) == []
    assert_decided_as_if_undisturbed(pipeline, 3_300)
