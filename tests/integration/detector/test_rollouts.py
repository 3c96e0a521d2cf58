"""Models are rolled out while transactions flow: each is decided once, by the version that was to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
import polars as pl
import pytest
from confluent_kafka import Consumer, TopicPartition

from fraud_core.connect.records import Role
from fraud_core.kafka import client_config
from fraud_core.models import Bundle, publish_bundle
from fraud_core.rollouts import BundleRef, Limits, Mode, Rollout
from fraud_core.rollouts.canary import in_canary
from fraud_core.rollouts.writing import begin, write_rollout
from tests.support.bundles import small_bundle
from tests.support.connector import Connector
from tests.support.pipeline import Detector, Pipeline, transactions, until
from tests.support.rolling_out import PATIENCE_S, applied, model, publish, reports, roll_out

pytestmark = pytest.mark.stack

SMALL_BATCHES = {"BATCH__MAX_RECORDS": "100", "BATCH__COMMIT_INTERVAL_MS": "200"}
A, B = small_bundle(0.01), small_bundle(0.05)
"""The same forest with two thresholds: two versions."""


@dataclass
class Load:
    """Transactions that are sent without a pause until the block is over."""

    pipeline: Pipeline
    sent: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self.pipeline.send(transactions(self.sent, self.sent + 200, users=97))
            self.sent += 200


def once_each(pipeline: Pipeline, count: int) -> pl.DataFrame:
    decided = pipeline.decisions(count)
    assert decided.height == count
    assert decided["transaction_id"].n_unique() == count
    return decided


def versions_in_order(decided: pl.DataFrame) -> list[list[str | None]]:
    """For each partition the versions that decided, each run of one once."""
    runs = decided.sort("source_partition", "source_offset").group_by("source_partition")
    return [frame["model_version"].rle().struct.field("value").to_list() for _, frame in runs]


def test_champions_change_under_load_without_a_rebalance_a_lost_or_a_second_decision(
    pipeline: Pipeline,
) -> None:
    workers = [pipeline.detector(name, **SMALL_BATCHES) for name in ("a", "b")]
    first, second = publish(pipeline, A), publish(pipeline, B)
    load = Load(pipeline)
    until(lambda: len(reports(pipeline)) == 2, "both have joined", PATIENCE_S)
    until(lambda: all(status.tasks for status in reports(pipeline)), "both hold partitions", PATIENCE_S)
    joined = [worker.log.count("assigned") for worker in workers]
    with load.flowing():
        for champion in (first, second, first, second):
            applied(pipeline, roll_out(pipeline, champion=champion), workers=2)

    decided = once_each(pipeline, load.sent)

    assert [worker.log.count("assigned") for worker in workers] == joined
    a, b = first.version, second.version
    assert versions_in_order(decided) == [[None, a, b, a, b]] * 3
    expected = {a: A.manifest.threshold, b: B.manifest.threshold, None: None}
    for (version,), rows in decided.group_by("model_version"):
        assert rows["threshold"].unique().to_list() == [expected[version]]
        assert (rows["score"].is_null() == (version is None)).all()


def test_through_shadow_and_canary_each_user_is_decided_by_the_version_that_was_to(
    pipeline: Pipeline,
) -> None:
    pipeline.detector(**SMALL_BATCHES)
    champion, challenger = publish(pipeline, A), publish(pipeline, B)
    load = Load(pipeline)
    with load.flowing():
        for mode, weight in [(Mode.SHADOW, 0.0), (Mode.CANARY, 20.0), (Mode.CANARY, 60.0)]:
            applied(
                pipeline,
                roll_out(pipeline, champion=champion, challenger=challenger, mode=mode, canary_weight=weight),
            )
            sent = load.sent
            until(lambda sent=sent: load.sent > sent + 600, "some flow meanwhile")  # type: ignore[misc]

    decided = once_each(pipeline, load.sent).filter(pl.col("model_version").is_not_null())

    by_challenger = decided.filter(model_version=challenger.version)
    inside = {share: in_canary(decided["user"], challenger.sha256, share) for share in (0.2, 0.6)}
    mine = (decided["model_version"] == challenger.version).to_numpy()
    assert by_challenger.height > 0
    assert inside[0.6][mine].all()
    assert (mine & inside[0.2]).any()
    assert (mine & ~inside[0.2]).any()
    assert (~mine & inside[0.2]).any(), "in shadow it decides for nobody"
    beside = {
        row["model_version"]: set(row["challenger_scores"])
        for row in decided.select("model_version", "challenger_scores").iter_rows(named=True)
    }
    assert beside == {
        champion.version: {challenger.version}, challenger.version: {champion.version},
    }  # fmt: skip
    _once_in_stays_in(decided, challenger.version)


def _once_in_stays_in(decided: pl.DataFrame, challenger: str) -> None:
    ordered = decided.sort("source_partition", "source_offset")
    for (_user,), rows in ordered.group_by("user", maintain_order=True):
        mine = (rows["model_version"] == challenger).to_numpy()
        assert (np.diff(mine.astype(int)) >= 0).all()


def test_a_worker_that_is_killed_in_a_rollout_comes_back_under_it(pipeline: Pipeline) -> None:
    killed = pipeline.detector("a", **SMALL_BATCHES)
    first, second = publish(pipeline, A), publish(pipeline, B)
    load = Load(pipeline)
    with load.flowing():
        applied(pipeline, roll_out(pipeline, champion=first))
        sent = load.sent
        until(lambda: load.sent > sent + 600, "some flow meanwhile")
        rollout = roll_out(pipeline, champion=second)
        killed.kill()
        pipeline.detector("a", **SMALL_BATCHES)
        until(
            lambda: any(status.rollout_generation == rollout.generation for status in reports(pipeline)),
            "it runs the latest rollout",
            PATIENCE_S,
        )

    decided = once_each(pipeline, load.sent)

    order = [None, first.version, second.version]
    for runs in versions_in_order(decided):
        assert [order.index(version) for version in runs] == sorted(order.index(one) for one in runs)
        assert runs[-1] == second.version


def test_a_challenger_that_alerts_on_everything_is_dropped_and_the_champion_goes_on(
    pipeline: Pipeline,
) -> None:
    pipeline.detector(**SMALL_BATCHES)
    champion = publish(pipeline, A)
    manifest = A.manifest.model_copy(update={"threshold": 1e-12}).identified()
    wild = publish(pipeline, Bundle(manifest, A.model))
    rollout = roll_out(
        pipeline,
        champion=champion,
        challenger=wild,
        mode=Mode.CANARY,
        canary_weight=100.0,
        limits=Limits(min_decisions=300, max_alert_rate=0.5),
    )
    applied(pipeline, rollout)
    pipeline.send(transactions(0, 600))
    until(lambda: not model(reports(pipeline)[0], Role.CHALLENGER).running, "it is dropped", PATIENCE_S)
    pipeline.send(transactions(600, 900))

    decided = once_each(pipeline, 900)
    (status,) = reports(pipeline)

    assert "Its alert rate is 100.00% (" in (status.rollout_problem or "")
    assert status.rollout_generation == rollout.generation
    later = decided.filter(pl.col("transaction_id").str.slice(1).cast(pl.Int32) >= 600)
    assert later["model_version"].unique().to_list() == [champion.version]
    assert decided["model_version"].unique().sort().to_list() == sorted([champion.version, wild.version])


def test_a_bundle_that_is_not_the_promised_one_is_refused_and_the_champion_goes_on(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    detector = pipeline.detector(**SMALL_BATCHES)
    champion = publish(pipeline, A)
    good = roll_out(pipeline, champion=champion)
    applied(pipeline, good)
    elsewhere = publish_bundle(tmp_path, B)
    old = A.manifest.libraries | {"scikit-learn": "0.1.2"}
    foreign = Bundle(A.manifest.model_copy(update={"libraries": old}).identified(), A.model)

    for wrong, why in [
        (BundleRef(B.version, elsewhere.url, "0" * 64), f"{'0' * 64} was expected"),
        (publish(pipeline, foreign), "was made with scikit-learn 0.1.2"),
        (BundleRef("another", elsewhere.url, elsewhere.sha256), "the rollout calls it another"),
    ]:
        rollout = roll_out(pipeline, champion=wrong)
        until(
            lambda why=why: why in (reports(pipeline)[0].rollout_problem or ""),  # type: ignore[misc]
            f"it says {why!r}; {detector.log[-2000:]}",
            PATIENCE_S,
        )
        assert f"Rollout {rollout.generation} is not applied" in str(reports(pipeline)[0].rollout_problem)
    pipeline.send(transactions(0, 300))

    assert once_each(pipeline, 300)["model_version"].unique().to_list() == [champion.version]
    assert reports(pipeline)[0].rollout_generation == good.generation


def test_a_refused_challenger_leaves_the_champion_alone(pipeline: Pipeline) -> None:
    pipeline.detector()
    champion = publish(pipeline, A)
    missing = BundleRef("nothing", f"kafka://{pipeline.topics.models.name}/{'0' * 64}", "0" * 64)

    rollout = roll_out(pipeline, champion=champion, challenger=missing, mode=Mode.SHADOW)
    applied(pipeline, rollout)

    (status,) = reports(pipeline)
    assert status.model_version == champion.version
    assert "There is no bundle" in (model(status, Role.CHALLENGER).trace or "")


def test_without_a_rollout_a_worker_waits_is_not_ready_and_says_what_to_do(pipeline: Pipeline) -> None:
    detector = pipeline.detector(PIPELINE=f"{pipeline.name}-new")
    detector.says("has no rollout. `fraudstream setup` writes the first one")
    here = Connector(lambda: detector.log, f"{pipeline.name}-new")
    pipeline.send(transactions(0, 30))

    assert httpx2.get(f"{here.root}/health/ready").status_code == 503
    assert httpx2.get(f"{here.root}/health/live").status_code == 200
    assert pipeline.decisions(0).height == 0

    write_rollout(pipeline.settings, f"{pipeline.name}-new", lambda _: Rollout(f"{pipeline.name}-new", 1))
    assert once_each(pipeline, 30)["model_version"].unique().to_list() == [None]


def test_a_partition_never_goes_back_behind_the_rollout_that_it_was_decided_under(
    pipeline: Pipeline,
) -> None:
    pipeline.send(transactions(0, 90))
    _decided_under(pipeline, 7)
    detector = pipeline.detector()
    here = Connector(lambda: detector.log, pipeline.name)

    here.comes_to(lambda: here.states() == ["UNASSIGNED"] * 3, "its partitions wait")
    here.comes_to(
        lambda: "decided under rollout 7, and 1 runs here" in str(here.status()), "it says what for"
    )
    assert httpx2.get(f"{here.root}/health/ready").status_code == 503
    write_rollout(pipeline.settings, pipeline.name, lambda _: Rollout(pipeline.name, 7))

    assert once_each(pipeline, 90).height == 90
    assert {status.rollout_generation for status in reports(pipeline)} == {7}


def _decided_under(pipeline: Pipeline, generation: int) -> None:
    """Commit offsets as a worker does that runs this rollout."""
    consumer = Consumer({**client_config(pipeline.settings.kafka), "group.id": pipeline.name})
    name = pipeline.topics.transactions.name
    places = [TopicPartition(name, partition, 0, metadata=f"rollout={generation}") for partition in range(3)]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def test_committed_offsets_name_the_rollout(pipeline: Pipeline) -> None:
    pipeline.detector()
    rollout = roll_out(pipeline, champion=publish(pipeline, A))
    applied(pipeline, rollout)
    pipeline.send(transactions(0, 90))
    pipeline.decisions(90)

    consumer = Consumer({**client_config(pipeline.settings.kafka), "group.id": pipeline.name})
    name = pipeline.topics.transactions.name
    committed = consumer.committed([TopicPartition(name, partition) for partition in range(3)], 30)
    consumer.close()

    assert {place.metadata for place in committed} == {f"rollout={rollout.generation}"}


def test_metrics_tell_the_version_and_the_generation(pipeline: Pipeline) -> None:
    detector: Detector = pipeline.detector()
    champion = publish(pipeline, A)
    rollout = roll_out(pipeline, champion=champion)
    applied(pipeline, rollout)
    root = Connector(lambda: detector.log, pipeline.name).root

    page = httpx2.get(f"{root}/metrics", timeout=30).text

    assert f'fraud_model_info{{role="champion",version="{champion.version}"}} 1.0' in page
    assert f"fraud_rollout_generation {rollout.generation}.0" in page


def test_a_first_rollout_after_the_topic_was_lost_goes_on_counting(pipeline: Pipeline) -> None:
    other = Pipeline(
        pipeline.settings, pipeline.environment | {"FRAUD_PIPELINE": f"{pipeline.name}-x"}, pipeline.logs
    )
    _decided_under(other, 41)

    written = begin(pipeline.settings, other.name, None)

    assert written is not None
    assert written.generation == 42
    assert begin(pipeline.settings, other.name, None) is None
