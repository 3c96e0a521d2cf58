"""The operator's own process between an API server, Kafka and a detector that decides."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fraud_core.errors import ConfigError, FencedError
from fraud_core.rollouts import Mode, Rollout
from fraud_local.models.changes import change
from fraud_local.models.place import Place
from fraud_local.stack import Stack
from fraud_operator.cluster.version import APPLY
from fraud_operator.pipeline.writer import writer
from tests.support.bundles import small_bundle
from tests.support.operating import PATIENCE_S, active, fraud_model, operating, reason, rollout, said, train
from tests.support.pipeline import Pipeline, transactions, until
from tests.support.pipeline import pipeline as made
from tests.support.rolling_out import applied, publish
from tests.support.small_cluster import NAMESPACE, SmallCluster, served

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster()


@pytest.fixture
def kubeconfig(cluster: SmallCluster, tmp_path: Path) -> Iterator[Path]:
    with served(cluster, tmp_path) as file:
        yield file


def test_a_fraud_model_is_trained_rolled_out_in_steps_and_promoted_through_a_kill_of_the_operator(
    pipeline: Pipeline, cluster: SmallCluster, kubeconfig: Path
) -> None:
    pipeline.set_up()
    pipeline.detector()
    applied(pipeline, rollout(pipeline))
    cluster.apply(fraud_model(pipeline))
    with operating(pipeline, kubeconfig, NAMESPACE, "first") as first:
        candidate = train(cluster, pipeline, small_bundle())
        until(lambda: rollout(pipeline).mode is Mode.SHADOW, "the candidate is shadowed", PATIENCE_S)
        first.kill()
        first.wait()

    with operating(pipeline, kubeconfig, NAMESPACE):
        traffic = iter(range(0, 1_000_000, 50))

        def promoted() -> bool:
            first_of = next(traffic)
            pipeline.send(transactions(first_of, first_of + 50))
            return reason(cluster, "Promoted") == "Promoted"

        until(promoted, f"it is promoted; {said(pipeline)}", PATIENCE_S)
        found = rollout(pipeline)
        assert found.champion == candidate
        assert found.challenger is None
        uid = cluster.get("fraudmodels", "cards")["metadata"]["uid"]
        assert found.managed_by == f"{NAMESPACE}/cards/{uid}"
        assert len(cluster.all("jobs")) == 1
        document = cluster.get("fraudmodels", "cards")
        assert "finalizers" not in document["metadata"]
        assert not document["metadata"].get("annotations")
        assert {event["reason"] for event in cluster.all("events")} >= {"Training", "StepBegun", "Promoted"}
        assert cluster.refused == []

        place = Place(pipeline.settings, pipeline.name)
        with pytest.raises(ConfigError, match="The FraudModel cards in namespace fraud manages"):
            change(place, _unchanged, lambda _: {}, 0)

        cluster.delete("fraudmodels", "cards")
        until(lambda: rollout(pipeline).managed_by == "cli", "the rollout is given back", PATIENCE_S)
        change(place, _unchanged, lambda _: {}, 0)
        assert rollout(pipeline).champion == candidate
        assert cluster.all("jobs") == []


def _unchanged(latest: Rollout) -> Rollout:
    return replace(latest, generation=latest.generation + 1)


def test_a_failed_training_and_a_pin_need_no_detector(
    pipeline: Pipeline, cluster: SmallCluster, kubeconfig: Path
) -> None:
    pipeline.set_up()
    theirs = publish(pipeline, small_bundle(0.02))
    cluster.apply(fraud_model(pipeline))
    with operating(pipeline, kubeconfig, NAMESPACE):
        until(lambda: active(cluster) is not None, f"a Job is made; {said(pipeline)}", PATIENCE_S)
        [job] = cluster.all("jobs")
        words = {"reason": "WindowNotRetained", "message": "The topics hold 3 days."}
        cluster.end_job(job["metadata"]["name"], json.dumps(words), succeeded=False)
        until(lambda: reason(cluster, "Trained") == "WindowNotRetained", "the failure is told", PATIENCE_S)
        assert cluster.get("fraudmodels", "cards")["status"]["lastFailure"] == "The topics hold 3 days."

        cluster.apply(fraud_model(pipeline, pinnedVersion=theirs.version))
        until(lambda: rollout(pipeline).champion == theirs, f"it is pinned; {said(pipeline)}", PATIENCE_S)

    place = Place(pipeline.settings, pipeline.name)  # the operator is gone, and so may the FraudModel be
    assert change(place, _unchanged, lambda _: {}, 0, take_over=True).rollout.managed_by == "cli"


def test_an_older_definition_is_refused_with_the_line_that_applies_the_new_one(
    pipeline: Pipeline, cluster: SmallCluster, tmp_path: Path
) -> None:
    pipeline.set_up()
    del cluster.schema["properties"]["spec"]["properties"]["gates"]
    with served(cluster, tmp_path) as kubeconfig, operating(pipeline, kubeconfig, NAMESPACE) as process:
        assert process.wait(PATIENCE_S) == 2

    assert "older than this operator: it lacks spec.gates" in said(pipeline)
    assert APPLY in said(pipeline)


def test_who_started_first_finds_that_out_without_leaving_a_trace(pipeline: Pipeline) -> None:
    pipeline.set_up()
    before = rollout(pipeline)
    first = writer(pipeline.settings, NAMESPACE, pipeline.name)
    first.check(before)

    second = writer(pipeline.settings, NAMESPACE, pipeline.name)

    with pytest.raises(FencedError):
        first.check(before)
    second.check(before)
    assert rollout(pipeline) == before


def test_a_second_operator_takes_over_and_the_first_one_ends_whoever_writes_first(
    pipeline: Pipeline, cluster: SmallCluster, kubeconfig: Path
) -> None:
    pipeline.set_up()
    cluster.apply(fraud_model(pipeline))
    with operating(pipeline, kubeconfig, NAMESPACE, "first") as first:
        until(lambda: active(cluster) is not None, f"a Job is made; {said(pipeline, 'first')}", PATIENCE_S)
        with operating(pipeline, kubeconfig, NAMESPACE) as second:
            until(lambda: "operating" in said(pipeline), "the second one has begun", PATIENCE_S)
            theirs = publish(pipeline, small_bundle(0.02))
            before = rollout(pipeline).generation
            cluster.apply(fraud_model(pipeline, pinnedVersion=theirs.version))
            until(lambda: rollout(pipeline).champion == theirs, "it is pinned", PATIENCE_S)

            assert rollout(pipeline).generation == before + 1
            assert second.poll() is None
        assert first.wait(PATIENCE_S) == 3
        assert "Another operator writes the rollouts" in said(pipeline, "first")
