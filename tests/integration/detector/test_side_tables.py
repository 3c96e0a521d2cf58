"""What workers share beside their users: each sees what all partitions counted, through crashes."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Producer

from fraud_core.avro import Encoder
from fraud_core.avro.types import polars_schema
from fraud_core.features import FEATURES, SideTables, State, advance
from fraud_core.kafka import PARTITIONER, admin_client, client_config
from fraud_core.setup import setup
from fraud_core.topics import Topic, topics
from tests.support.pipeline import START, Pipeline, transactions, until

pytestmark = pytest.mark.stack

SETTINGS = {"LOG__FORMAT": "json", "SIDE__LABEL_DELAY_H": "3", "BATCH__MAX_RECORDS": "50"}
PARTITIONS = 3
OLD = (0, 600)
"""At nine; the cohorts of what happens after twelve end with that hour."""
SOON = (4_000, 4_090)
LATER = (12_000, 12_090)
USERS = 30


def send(pipeline: Pipeline, span: tuple[int, int]) -> None:
    pipeline.send(transactions(*span, users=USERS))


def label(number: int, known_at: datetime, verdict: str = "fraud") -> dict[str, Any]:
    (row,) = transactions(number, number + 1, users=USERS).to_dicts()
    return {
        "transaction_id": row["transaction_id"],
        "transaction_timestamp": row["timestamp"],
        "user": row["user"],
        "merchant": row["merchant"],
        "label": verdict,
        "source": "analyst",
        "labelled_at": known_at,
    }


def send_labels(pipeline: Pipeline, labels: list[dict[str, Any]]) -> None:
    topic = pipeline.topics.labels
    values = Encoder("Label", pipeline.registry.id_of(topic)).encode(pl.DataFrame(labels))
    producer = Producer(client_config(pipeline.settings.kafka))
    for one, value in zip(labels, values, strict=True):
        producer.produce(topic.name, value, one["transaction_id"])
    assert producer.flush(30) == 0


def send_logins(pipeline: Pipeline, topic: Topic, logins: list[dict[str, Any]], ago_s: float = 0.0) -> None:
    values = Encoder("Login", pipeline.registry.id_of(topic)).encode(pl.DataFrame(logins))
    produce(pipeline, topic, [login["user"] for login in logins], values, ago_s)


def send_aged(pipeline: Pipeline, frame: pl.DataFrame, ago_s: float) -> None:
    """Transactions that were produced some time ago, as their Kafka timestamps say."""
    produce(pipeline, pipeline.topics.transactions, frame["user"].to_list(), pipeline.encode(frame), ago_s)


def produce(pipeline: Pipeline, topic: Topic, keys: list[str], values: list[bytes], ago_s: float) -> None:
    producer = Producer(client_config(pipeline.settings.kafka) | {"partitioner": PARTITIONER})
    at = round((time.time() - ago_s) * 1_000)
    for key, value in zip(keys, values, strict=True):
        producer.produce(topic.name, value, key, timestamp=at)
    assert producer.flush(30) == 0


def with_logins(pipeline: Pipeline, partitions: int = PARTITIONS) -> tuple[dict[str, str], Topic]:
    """The settings that name a topic of logins, which is made."""
    name = f"{pipeline.settings.topics.prefix}logins"
    names = pipeline.settings.topics.model_copy(update={"logins": name, "partitions": partitions})
    setup(pipeline.settings.model_copy(update={"topics": names}))
    topic = topics(names).logins
    assert topic
    return SETTINGS | {"TOPICS__LOGINS": name}, topic


def later_features(pipeline: Pipeline, before: int) -> pl.DataFrame:
    """Features of the last transactions, with who they were about."""
    total = before + LATER[1] - LATER[0]
    decided = pipeline.decisions(total).filter(pl.col("timestamp") >= START + timedelta(seconds=LATER[0]))
    assert decided.height == LATER[1] - LATER[0]
    return decided.select("user", "merchant", "features").unnest("features")


def counts_of_old() -> dict[str, int]:
    counted = transactions(*OLD, users=USERS).group_by("merchant").len()
    return dict(counted.iter_rows())


def test_a_worker_that_starts_knows_what_dead_ones_counted_on_all_partitions(pipeline: Pipeline) -> None:
    workers = [pipeline.detector(name, **SETTINGS) for name in ("one", "two")]
    for worker in workers:
        until(lambda worker=worker: bool(worker.events("running")), "each has a partition")  # type: ignore[misc]
    send(pipeline, OLD)
    pipeline.decisions(600)
    send(pipeline, SOON)
    pipeline.decisions(690)
    for worker in workers:
        worker.kill()

    third = pipeline.detector("three", **SETTINGS)
    send(pipeline, LATER)
    features = later_features(pipeline, before=690)

    assert len(third.events("running")) == PARTITIONS
    assert dict(features.select("merchant", "merchant_transactions_1d").iter_rows()) == counts_of_old()
    assert features["amount_to_merchant_mean_30d"].null_count() == 0


def test_workers_see_what_others_count_while_they_run(pipeline: Pipeline) -> None:
    workers = [pipeline.detector(name, **SETTINGS) for name in ("one", "two", "three")]
    for worker in workers:
        until(lambda worker=worker: bool(worker.events("running")), "each has a partition")  # type: ignore[misc]
    for span, count in ((OLD, 600), (SOON, 690)):
        send(pipeline, span)
        pipeline.decisions(count)
    pipeline.outputs(PARTITIONS, pipeline.topics.side_tables.name)

    send(pipeline, LATER)
    features = later_features(pipeline, before=690)

    assert [worker.stop() for worker in workers] == [0, 0, 0]
    assert dict(features.select("merchant", "merchant_transactions_1d").iter_rows()) == counts_of_old()


def test_users_that_others_met_on_a_device_are_known_soon_and_to_whoever_starts(pipeline: Pipeline) -> None:
    workers = [pipeline.detector(name, **SETTINGS) for name in ("one", "two", "three")]
    for worker in workers:
        until(lambda worker=worker: bool(worker.events("running")), "each has a partition")  # type: ignore[misc]
    pipeline.send(transactions(*OLD, users=USERS, device_id="shared"))
    pipeline.decisions(600)
    numbers = iter(range(SOON[0], LATER[0]))

    def met() -> float:
        """How many users the device has had by now, as one more transaction on it says."""
        number = next(numbers)
        pipeline.send(transactions(number, number + 1, users=USERS, device_id="shared"))
        decided = pipeline.decisions(601 + number - SOON[0]).sort("timestamp")
        return float(decided["features"].struct.field("device_users_1d")[-1])

    until(lambda: met() == USERS, "all workers know of all users")
    for worker in workers:
        worker.kill()
    pipeline.detector("four", **SETTINGS)
    assert met() == USERS


def test_what_was_counted_and_not_published_is_counted_again_from_the_input(pipeline: Pipeline) -> None:
    first = pipeline.detector("first", **SETTINGS)
    send(pipeline, OLD)
    pipeline.decisions(600)
    first.kill()  # within one hour of event time: nothing was published

    pipeline.detector("second", **SETTINGS)
    send(pipeline, LATER)
    features = later_features(pipeline, before=600)

    assert dict(features.select("merchant", "merchant_transactions_1d").iter_rows()) == counts_of_old()


def test_labels_count_from_when_they_became_known_and_may_be_taken_back(pipeline: Pipeline) -> None:
    in_time, too_late = START + timedelta(hours=2), START + timedelta(hours=9)
    frauds = [label(number, in_time) for number in (0, 13, 26)]  # all at m0
    send_labels(
        pipeline,
        [
            *frauds,
            label(26, in_time + timedelta(minutes=1), "legitimate"),
            label(1, too_late),
            {**label(2, in_time), "merchant": None},
        ],
    )
    pipeline.detector("one", **SETTINGS)
    send(pipeline, OLD)
    pipeline.decisions(600)
    send(pipeline, LATER)
    features = later_features(pipeline, before=600)

    merchants = dict(features.select("merchant", "merchant_frauds_1d").iter_rows())
    users = dict(features.select("user", "user_frauds_7d").iter_rows())
    assert {name: count for name, count in merchants.items() if count} == {"m0": 2}
    assert {name: count for name, count in users.items() if count} == {"u0": 1, "u13": 1, "u2": 1}
    rates = features.filter(pl.col("merchant") == "m0")["merchant_fraud_rate_7d"].unique().to_list()
    assert rates == [2 / counts_of_old()["m0"]]


def test_a_fast_replay_counts_what_all_partitions_had_until_then(pipeline: Pipeline) -> None:
    """Whole partitions would fit into one poll; what is known of merchants is as if all came in order."""
    history = transactions(0, 6_000, users=USERS).with_columns(
        timestamp=START + pl.duration(minutes=pl.int_range(6_000)).cast(pl.Duration("ms"))
    )
    pipeline.send(history)
    pipeline.detector("one", LOG__FORMAT="json", SIDE__LABEL_DELAY_H="12")
    decided = pipeline.decisions(6_000).select("transaction_id", "features").unnest("features")

    columns = history.with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in polars_schema("Transaction").items()
        if name not in history
    )
    ordered = advance(State(), columns, SideTables(12)).values
    wanted = {
        name: dict(zip(history["transaction_id"], ordered[FEATURES.index(name)], strict=True))
        for name in ("merchant_transactions_1d", "merchant_transactions_7d")
    }
    for name, expected in wanted.items():
        assert dict(decided.select("transaction_id", name).iter_rows()) == expected
    assert max(wanted["merchant_transactions_7d"].values()) > 300


def test_a_worker_does_not_start_without_the_topics_that_it_reads_beside_the_input(
    pipeline: Pipeline,
) -> None:
    admin = admin_client(pipeline.settings.kafka)
    name = pipeline.topics.side_tables.name
    admin.delete_topics([name])[name].result(10)

    detector = pipeline.detector()

    assert detector.exit_code() == 2
    assert f"{name}. Run `fraudstream setup` first." in detector.log


def test_logins_of_the_last_hour_are_counted_also_those_from_before_the_worker_started(
    pipeline: Pipeline,
) -> None:
    settings, topic = with_logins(pipeline)
    soon = START + timedelta(seconds=SOON[0])
    tries = (("u1", 9, False), ("u1", 9, False), ("u1", 8, True), ("u2", 9, False), ("u3", 70, False))
    logins = [
        {"user": user, "timestamp": soon - timedelta(minutes=minutes), "success": success}
        for user, minutes, success in tries
    ]
    logins += [{"user": "u1", "timestamp": datetime(2100, 1, 1), "success": False}]
    send_logins(pipeline, topic, logins)
    detector = pipeline.detector("one", **settings)
    detector.says('"running"')
    send(pipeline, SOON)
    decided = pipeline.decisions(90).select("user", "features").unnest("features")

    most = decided.group_by("user").agg(pl.max("logins_1h", "failed_logins_1h")).rows()
    assert {user: (tried, failed) for user, tried, failed in most if tried} == {"u1": (3, 2), "u2": (1, 1)}
    assert [event["count"] for event in detector.events("logins_impossible")] == [1]
    assert decided["logins_1h"].null_count() == 0


def test_logins_of_a_backlog_are_counted_however_long_nobody_decided(pipeline: Pipeline) -> None:
    settings, topic = with_logins(pipeline)
    soon = START + timedelta(seconds=SOON[0])
    logins = [{"user": "u1", "timestamp": soon - timedelta(minutes=9), "success": False}]
    send_logins(pipeline, topic, logins, ago_s=5 * 3_600)
    send_aged(pipeline, transactions(*SOON, users=USERS), ago_s=5 * 3_600)

    pipeline.detector("one", **settings)

    decided = pipeline.decisions(SOON[1] - SOON[0]).select("user", "features").unnest("features")
    of_the_user = decided.filter(pl.col("user") == "u1")["failed_logins_1h"]
    assert of_the_user.len() > 0
    assert of_the_user.min() == 1


def test_a_topic_of_logins_with_other_partitions_than_the_input_is_refused(pipeline: Pipeline) -> None:
    settings, topic = with_logins(pipeline, partitions=PARTITIONS + 1)

    detector = pipeline.detector("one", **settings)

    assert detector.exit_code() == 2
    assert f"{topic.name} has 4 partitions and {pipeline.topics.transactions.name} 3" in detector.log


def test_networks_are_read_again_when_their_file_changes(pipeline: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "networks.csv"
    file.write_text("network,country,reputation\n10.0.0.0/8,FR,0.5\n")
    detector = pipeline.detector("one", **SETTINGS | {"SIDE__NETWORKS": str(file)})
    pipeline.send(transactions(*SOON, users=USERS, ip="10.1.1.1", location="US"))
    before = pipeline.decisions(90)
    file.write_text("network,country,reputation\n10.0.0.0/8,US,0.9\n")
    detector.says("networks_read")
    file.write_text("nonsense")
    detector.says("networks_not_read")
    pipeline.send(transactions(*LATER, users=USERS, ip="10.1.1.1", location="US"))
    after = pipeline.decisions(180).filter(
        ~pl.col("transaction_id").is_in(before["transaction_id"].implode())
    )

    for decided, known in ((before, (0.5, 1.0)), (after, (0.9, 0.0))):
        features = decided.select("features").unnest("features")
        assert set(features.select("ip_reputation", "ip_country_differs").rows()) == {known}
