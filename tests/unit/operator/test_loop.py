"""The loop between an API server and a Kafka of values: what is wrong with one thing ends nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from fraud_core.connect.records import WorkerStatus
from fraud_core.errors import FencedError, UnavailableError
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.rollouts.records import released
from fraud_core.settings import load_settings
from fraud_operator import loop as looping
from fraud_operator.cluster.api import connected
from fraud_operator.loop import Loop
from fraud_operator.metrics import Metrics
from fraud_operator.pipeline.kafka import Pipeline
from fraud_operator.planning import Model, Plan, World, reconcile
from fraud_operator.settings import OperatorSettings
from tests.support.fraud_models import BATCH, NOW, Universe, bundle, spec
from tests.support.operating import JOB
from tests.support.small_cluster import NAMESPACE, SmallCluster, served

SETTINGS = load_settings(OperatorSettings, reconcile={"interval_s": 30})


@dataclass
class Values:
    """What the operator asks of Kafka, without brokers."""

    settings: OperatorSettings = SETTINGS
    rollout: Rollout = field(
        default_factory=lambda: Rollout("fraud-detector", 7, champion=bundle("baseline"))
    )
    raises: list[Exception] = field(default_factory=list)
    workers: tuple[WorkerStatus, ...] = ()

    def read(self) -> Pipeline:
        if self.raises:
            raise self.raises.pop(0)
        return Pipeline(self.rollout, self.workers, 6, 0)

    def write(self, rollout: Rollout, after: int | None) -> bool:
        if after != self.rollout.generation:
            return False
        self.rollout = rollout
        return True

    def find(self, version: str) -> dict[str, BundleRef]:
        del version
        return {}

    def delete(self, ref: BundleRef) -> None:
        del ref


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallCluster]:
    found = SmallCluster()
    with served(found, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield found


def fraud_model(name: str = "cards", **spec: Any) -> dict[str, Any]:
    kind = {"apiVersion": "fraudstream.dev/v1alpha1", "kind": "FraudModel"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def told(cluster: SmallCluster, name: str = "cards") -> dict[str, tuple[str, str, str]]:
    conditions = cluster.get("fraudmodels", name)["status"].get("conditions", ())
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in conditions}


def with_loop(kafka: Any, act: Callable[[Loop], Awaitable[None]]) -> None:
    async def within() -> None:
        async with connected() as api:
            await act(Loop(NAMESPACE, api, kafka, JOB, Metrics()))

    asyncio.run(within())


def looked(kafka: Values, times: int = 1) -> None:
    async def look(loop: Loop) -> None:
        for _ in range(times):
            await loop.look()

    with_loop(kafka, look)


def failing_for(name: str) -> Callable[[Model, World], Plan]:
    def plan(model: Model, world: World) -> Plan:
        if model.name == name:
            raise OverflowError("date value out of range")
        return reconcile(model, world)

    return plan


def test_one_for_which_there_is_no_plan_says_so_and_holds_up_no_other(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.apply(fraud_model("a"))
    cluster.apply(fraud_model("b"))
    monkeypatch.setattr(looping, "reconcile", failing_for("a"))

    looked(Values(), 3)

    status, reason, message = told(cluster, "a")["Progressing"]
    assert (status, reason) == ("False", "PlanFailed")
    assert "OverflowError: date value out of range (test_loop.py:" in message
    assert told(cluster, "b")["Ready"][1] == "PipelineTaken"
    assert [event["reason"] for event in cluster.all("events")].count("PlanFailed") == 1


def test_a_status_that_the_server_refuses_ends_nothing_and_nothing_is_done_that_it_would_announce(
    cluster: SmallCluster,
) -> None:
    cluster.apply(fraud_model("a"))
    cluster.apply(fraud_model("b"))
    cluster.refuses["update fraudmodels/status a"] = (422, "FraudModel is invalid")

    kafka = Values()
    looked(kafka, 2)

    assert told(cluster, "a") == {}
    assert cluster.all("jobs") == []
    assert kafka.rollout.generation == 7
    assert told(cluster, "b")["Ready"][1] == "PipelineTaken"


@pytest.mark.parametrize("code", [422, 403])
def test_a_job_that_the_server_refuses_is_a_training_that_failed_and_is_tried_later(
    cluster: SmallCluster, code: int
) -> None:
    cluster.apply(fraud_model())
    cluster.refuses["create jobs"] = (code, "requests: Invalid value: must be at most the limit of 4Gi")

    looked(Values(), 8)

    status, reason, message = told(cluster)["Trained"]
    assert (status, reason) == ("False", "JobRefused")
    assert f"{code} to POST" in message
    assert "must be at most the limit of 4Gi" in message
    found = cluster.get("fraudmodels", "cards")["status"]
    assert found["lastFailure"] == message
    assert found["training"]["number"] == 1
    assert "nextTrainingTime" in found
    assert [event["type"] for event in cluster.all("events") if event["reason"] == reason] == ["Warning"]

    del cluster.refuses["create jobs"]
    cluster.apply(fraud_model(training={"resources": {"requests": {"memory": "1Gi"}}}))
    looked(Values(), 2)

    [job] = cluster.all("jobs")
    assert job["metadata"]["name"] != found["training"]["jobName"]


def test_a_rollout_that_one_of_another_namespace_manages_is_left_until_it_is_taken_over(
    cluster: SmallCluster,
) -> None:
    cluster.apply(fraud_model())
    kafka = Values()
    kafka.rollout = replace(kafka.rollout, managed_by="old/cards/uid")

    looked(kafka, 2)

    _, reason, message = told(cluster)["Ready"]
    assert reason == "PipelineTaken"
    assert message.startswith("The FraudModel old/cards manages fraud-detector")
    assert kafka.rollout.generation == 7

    kafka.rollout = released(kafka.rollout, "fraudstream setup")
    looked(kafka, 2)

    assert kafka.rollout.managed_by.startswith(f"{NAMESPACE}/cards/")
    assert told(cluster)["Ready"][1] != "PipelineTaken"


@pytest.mark.parametrize("code", [500, 503, 429])
def test_a_job_that_the_server_fails_to_make_is_told_and_asked_for_again_and_holds_up_nothing_else(
    cluster: SmallCluster, code: int
) -> None:
    cluster.apply(fraud_model())
    cluster.refuses["create jobs"] = (code, 'failed calling webhook "admit.example": connection refused')
    looks = []

    async def look(loop: Loop) -> None:
        for _ in range(3):
            await loop.look()
        looks.append(next(iter(loop.metrics.looks.collect())).samples[0].value)

    with_loop(Values(), look)

    for kind in ("Trained", "Progressing"):
        status, reason, message = told(cluster)[kind]
        assert (status, reason) == ("False", "JobNotStarted")
        assert f"{code} to POST" in message
        assert "failed calling webhook" in message
    assert looks == [3]
    events = [event["type"] for event in cluster.all("events") if event["reason"] == "JobNotStarted"]
    assert events == ["Warning"]

    del cluster.refuses["create jobs"]
    looked(Values(), 3)

    [job] = cluster.all("jobs")
    assert job["metadata"]["name"] == cluster.get("fraudmodels", "cards")["status"]["training"]["jobName"]
    assert told(cluster)["Trained"][1] == "Training"


def test_events_that_can_not_be_told_hold_up_nothing(cluster: SmallCluster) -> None:
    cluster.apply(fraud_model())
    cluster.refuses["create events"] = (500, "etcdserver: request timed out")

    looked(Values(), 2)

    assert len(cluster.all("jobs")) == 1


def test_what_a_status_says_is_an_event_also_where_it_can_not_be_done(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.apply(fraud_model())
    monkeypatch.setattr(Values, "write", _away)

    with pytest.raises(UnavailableError):
        looked(Values())

    assert "Training" in [event["reason"] for event in cluster.all("events")]
    assert told(cluster)["Progressing"][1] == "Training"


def _away(*_: object) -> bool:
    raise UnavailableError("no broker answers")


def test_what_changed_nothing_wakes_nobody(cluster: SmallCluster) -> None:
    cluster.apply(fraud_model())
    cluster.refuses["create jobs"] = (422, "no")

    async def look(loop: Loop) -> None:
        woken = []
        for _ in range(4):
            loop.woken.clear()
            await loop.look()
            woken.append(loop.woken.is_set())
        assert woken == [True, False, False, False]

    with_loop(Values(), look)


def test_one_that_is_not_understood_keeps_its_pipeline_and_says_what_is_wrong(cluster: SmallCluster) -> None:
    cluster.apply(fraud_model("older"))
    kafka = Values()
    looked(kafka, 2)
    cluster.apply(fraud_model("zz-younger"))
    cluster.apply(fraud_model("older", hyperparameters={"categorical_features": []}))

    looked(kafka, 2)

    manager = kafka.rollout.managed_by
    assert manager.startswith(f"{NAMESPACE}/older/")
    status, reason, message = told(cluster, "older")["Trained"]
    assert (status, reason) == ("False", "InvalidSpec")
    assert "spec.hyperparameters.categorical_features: a hyperparameter is a number" in message
    assert told(cluster, "zz-younger")["Ready"][1] == "PipelineTaken"
    assert "InvalidSpec" in [event["reason"] for event in cluster.all("events")]


def test_one_whose_status_is_not_understood_says_so_and_its_rollout_is_not_taken_for_left(
    cluster: SmallCluster,
) -> None:
    cluster.apply(fraud_model("older"))
    kafka = Values()
    looked(kafka, 2)
    cluster.apply(fraud_model("zz-younger"))
    stored = cluster.get("fraudmodels", "older")
    stored["status"]["history"][0]["outcome"] = "Unheard"
    cluster.schema_checked = False
    assert isinstance(cluster.set_status("older", stored), dict)

    looked(kafka, 3)

    assert kafka.rollout.managed_by.startswith(f"{NAMESPACE}/older/")
    assert told(cluster, "older")["Progressing"][1] == "InvalidSpec"
    assert "status.history.0.outcome" in told(cluster, "older")["Progressing"][2]
    assert cluster.get("fraudmodels", "older")["status"]["history"][0]["outcome"] == "Unheard"
    assert told(cluster, "zz-younger")["Ready"][1] == "PipelineTaken"
    events = [event for event in cluster.all("events") if event["reason"] == "InvalidSpec"]
    assert [event["involvedObject"]["name"] for event in events] == ["older"]


@pytest.mark.parametrize(
    ("away_s", "ready"), [(0.0, ("Unknown", "KafkaUnavailable")), (600.0, ("True", "Served"))]
)
def test_while_kafka_is_away_for_long_nothing_is_said_to_be_ready(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch, away_s: float, ready: tuple[str, str]
) -> None:
    cluster.apply(fraud_model())
    kafka = Values()
    looked(kafka, 2)
    stored = cluster.get("fraudmodels", "cards")
    [shown] = [one for one in stored["status"]["conditions"] if one["type"] == "Ready"]
    shown.update(status="True", reason="Served")
    assert isinstance(cluster.set_status("cards", stored), dict)
    before = told(cluster)
    monkeypatch.setattr(looping, "AWAY_S", away_s)
    kafka.raises = [UnavailableError("no broker answers")]

    with pytest.raises(UnavailableError):
        looked(kafka)

    assert told(cluster)["Ready"][:2] == ready
    assert {**told(cluster), "Ready": None} == {**before, "Ready": None}

    looked(kafka)
    assert told(cluster)["Ready"][1] == "WorkersNotReporting"


def clock_at(moment: datetime) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz)

    return Clock


def test_what_detectors_said_an_hour_ago_is_remembered_and_no_longer_than_its_fraud_model_lives(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.apply(fraud_model())
    found = Universe(spec(rollout={"shadow": "1d"}))
    found.until("Pausing")
    seen = found.rollout
    assert seen
    kafka, worlds = Values(rollout=replace(seen, managed_by="cli")), list[World]()

    def plan(model: Model, world: World) -> Plan:
        worlds.append(world)
        return Plan(model.status)

    monkeypatch.setattr(looping, "reconcile", plan)

    async def look(loop: Loop) -> None:
        for hours in range(2):
            found.pass_time()
            kafka.workers = found.world.workers
            monkeypatch.setattr(looping, "datetime", clock_at(NOW + timedelta(hours=hours)))
            await loop.look()
        assert len(loop._histories) == 1  # noqa: SLF001 - what would else grow unseen
        cluster.delete("fraudmodels", "cards")
        await loop.look()
        assert loop._histories == {}  # noqa: SLF001

    with_loop(kafka, look)

    first, second = worlds
    assert first.recent is None
    assert second.recent
    assert second.recent.since == first.now == second.watched_since
    assert sum(worker.models[1].scored for worker in second.recent.workers) == BATCH


def test_what_can_not_be_held_against_an_hour_ago_is_told_of_its_fraud_model_and_ends_no_look(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.apply(fraud_model("a"))
    cluster.apply(fraud_model("b"))
    found = Universe(spec(rollout={"shadow": "1d"}))
    found.until("Pausing")
    assert found.rollout
    rollout = replace(found.rollout, managed_by="cli")

    async def look(loop: Loop) -> None:
        for hours in range(2):
            found.pass_time()
            kafka.rollout, kafka.workers = rollout, _of_two_versions(found.world.workers)
            monkeypatch.setattr(looping, "datetime", clock_at(NOW + timedelta(hours=hours)))
            await loop.look()
        assert len(loop._histories) == 1  # noqa: SLF001 - of the one that has the pipeline

    kafka = Values()
    with_loop(kafka, look)

    assert told(cluster, "a")["Progressing"][1] == "PlanFailed"
    assert told(cluster, "b")["Ready"][1] == "PipelineTaken"


def _of_two_versions(workers: tuple[WorkerStatus, ...]) -> tuple[WorkerStatus, ...]:
    """The same where the first has other bins of scores."""
    first, *others = workers
    fewer = tuple(replace(model, scores=model.scores[:-1]) for model in first.models)
    return (replace(first, models=fewer), *others)


def test_it_ends_for_a_successor_alone(cluster: SmallCluster) -> None:
    cluster.apply(fraud_model())
    settings = load_settings(OperatorSettings, reconcile={"interval_s": 0.1})
    unforeseen, fenced = ZeroDivisionError("of a library"), FencedError("another one")
    kafka = Values(settings, raises=[unforeseen, unforeseen, fenced])

    with pytest.raises(FencedError):
        with_loop(kafka, Loop.run)

    assert kafka.raises == []
