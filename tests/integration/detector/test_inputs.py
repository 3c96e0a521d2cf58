"""What may happen to the input: topics that change, producers that disagree, users that are unlike others."""

import signal
import time
from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from confluent_kafka.admin import NewPartitions

from fraud_core.kafka import admin_client, partition_counts
from tests.support.evolving import evolved_values
from tests.support.pipeline import Pipeline, transactions, until
from tests.support.undisturbed import assert_decided_as_if_undisturbed

pytestmark = pytest.mark.stack

LOOKS_OFTEN = {"KAFKA__PROPERTIES": '{"topic.metadata.refresh.interval.ms": "500"}'}
SMALL = {"BATCH__MAX_RECORDS": "50", "STATE__SNAPSHOT_CYCLE_RECORDS": "300"}


def delete_input(pipeline: Pipeline) -> None:
    admin, name = admin_client(pipeline.settings.kafka), pipeline.topics.transactions.name
    admin.delete_topics([name])[name].result(30)
    until(lambda: name not in partition_counts(pipeline.settings.kafka), "the topic is gone")


def made_anew(pipeline: Pipeline) -> None:
    delete_input(pipeline)
    pipeline.set_up()


def later(pipeline: Pipeline, first: int, last: int) -> pl.DataFrame:
    """The decisions of the numbered transactions; offsets of a topic made anew begin at 0 again."""
    names = [f"t{number}" for number in range(first, last)]
    return pipeline.decisions(last).filter(pl.col("transaction_id").is_in(names))


def test_a_topic_deleted_and_made_anew_is_decided_from_its_beginning_with_a_state_of_its_own(
    pipeline: Pipeline,
) -> None:
    first = pipeline.detector("first", **SMALL)
    pipeline.send(transactions(0, 3_000))
    pipeline.decisions(3_000)
    first.kill()
    made_anew(pipeline)
    pipeline.send(transactions(3_000, 6_000))

    second = pipeline.detector("second", **SMALL)
    pipeline.decisions(6_000)
    second.kill()
    pipeline.send(transactions(6_000, 6_300))
    pipeline.detector("third", **SMALL)

    decided = later(pipeline, 3_000, 6_300)
    counts = decided["features"].struct.field("txn_30d")
    assert decided.height == 3_300
    assert not decided["transaction_id"].is_duplicated().any()
    assert counts.max() == -(-3_300 // 7)


@pytest.mark.parametrize("happens", [delete_input, made_anew])
def test_a_worker_whose_input_is_deleted_while_it_runs_stops_and_says_so(
    pipeline: Pipeline, happens: Callable[[Pipeline], None]
) -> None:
    running = pipeline.detector("running", **SMALL)
    pipeline.send(transactions(0, 300))
    pipeline.decisions(300)

    happens(pipeline)

    assert running.exit_code() == 75
    assert f"The topic {pipeline.topics.transactions.name} was deleted" in running.log
    pipeline.set_up()
    pipeline.send(transactions(300, 900))
    pipeline.detector("again", **SMALL)
    assert later(pipeline, 300, 900).height == 600


def test_records_that_are_deleted_before_they_are_read_are_not_skipped_in_silence(pipeline: Pipeline) -> None:
    slow = pipeline.detector("slow", **SMALL)
    pipeline.send(transactions(0, 300, users=200))
    pipeline.decisions(300)
    slow.signal(signal.SIGSTOP)
    pipeline.send(transactions(300, 600, users=200))
    pipeline.delete_before(dict.fromkeys(range(3), 150))
    slow.signal(signal.SIGCONT)

    assert slow.exit_code() == 75
    assert "is not retained now" in slow.log
    again = pipeline.detector("again", **SMALL)
    assert pipeline.decisions(450).height == 450
    assert "is not retained, the input has 150 to" in again.log


def test_partitions_that_are_added_while_it_runs_are_told_and_taken_once_the_state_has_them(
    pipeline: Pipeline,
) -> None:
    running = pipeline.detector("running", **SMALL, **LOOKS_OFTEN)
    pipeline.send(transactions(0, 900))
    pipeline.decisions(900)
    name = pipeline.topics.transactions.name
    admin = admin_client(pipeline.settings.kafka)
    admin.create_partitions([NewPartitions(name, 4)])[name].result(10)

    assert running.exit_code() == 2
    assert "`fraudstream setup` adds those that are missing" in running.log
    pipeline.set_up()
    pipeline.send(transactions(900, 1_800))
    pipeline.detector("again", **SMALL)

    assert_decided_as_if_undisturbed(pipeline, 1_800)


def test_a_schema_that_evolves_while_it_runs_is_read_beside_the_old_one(pipeline: Pipeline) -> None:
    detector = pipeline.detector(**SMALL)
    pipeline.send(transactions(0, 300))
    newer = evolved_values(pipeline, 300, 600)
    older = pipeline.encode(transactions(600, 900))
    users = transactions(600, 900)["user"].to_list()
    mixed = [one for pair in zip(newer, zip(users, older, strict=True), strict=True) for one in pair]
    pipeline.send_raw(mixed)

    assert pipeline.dead_letters(0) == []
    assert_decided_as_if_undisturbed(pipeline, 900)
    assert detector.process.returncode == 0


def test_producers_whose_clocks_differ_make_late_events_and_nothing_is_decided_twice_or_refused(
    pipeline: Pipeline,
) -> None:
    detector = pipeline.detector("first", **SMALL)
    right = transactions(0, 1_500)
    fast = transactions(1_500, 3_000).with_columns(pl.col("timestamp") + timedelta(hours=5))
    for first in range(0, 1_500, 100):
        pipeline.send(pl.concat([fast.slice(first, 100), right.slice(first, 100)]))
    pipeline.decisions(3_000)
    detector.kill()
    pipeline.send(transactions(3_000, 3_300))
    pipeline.detector("second", **SMALL)

    decided = pipeline.decisions(3_300)
    late = decided["features"].struct.field("seconds_since_last").is_null().sum()
    assert pipeline.dead_letters(0) == []
    assert late > 1_400
    assert_decided_as_if_undisturbed(pipeline, 3_300)


def test_one_user_with_half_of_all_traffic_is_decided_in_order_beside_the_others(pipeline: Pipeline) -> None:
    def send(first: int, last: int) -> None:
        hot = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("hot")).otherwise("user")
        pipeline.send(transactions(first, last, users=997).with_columns(user=hot))

    detectors = [pipeline.detector(name, **SMALL) for name in ("a", "b")]
    for first in range(0, 9_000, 1_500):
        send(first, first + 1_500)
        time.sleep(0.3)
    detectors[0].kill()
    send(9_000, 12_000)
    pipeline.detector("a", **SMALL)

    decided = pipeline.decisions(12_000)
    hot = decided.filter(pl.col("user") == "hot")["features"].struct.unnest()
    assert hot["txn_30d"].to_list() == list(range(1, 6_001))
    assert_decided_as_if_undisturbed(pipeline, 12_000)
