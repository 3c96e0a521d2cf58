"""The detector operated as a connector: any worker answers for all, and orders reach every one of them."""

import signal

import httpx2
import pytest

from tests.support.connector import Connector
from tests.support.pipeline import Detector, Pipeline, transactions

pytestmark = pytest.mark.stack


def connector(detector: Detector, name: str) -> Connector:
    return Connector(lambda: detector.log, name)


@pytest.fixture
def name(pipeline: Pipeline) -> str:
    return pipeline.environment["FRAUD_PIPELINE"]


def test_any_worker_answers_for_all(pipeline: Pipeline, name: str) -> None:
    first, second = (pipeline.detector(worker) for worker in "ab")
    here, there = connector(first, name), connector(second, name)

    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")
    here.comes_to(lambda: here.workers() == {f"{name}/a", f"{name}/b"}, "both hold some")
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "those that moved run again")
    here.comes_to(lambda: here.is_ready() and there.is_ready(), "both are ready")

    here.comes_to(lambda: here.status() == there.status(), f"the other says the same, not {there.status()}")
    assert here.status()["type"] == "sink"


def test_what_consoles_ask_for_is_answered(pipeline: Pipeline, name: str) -> None:
    here = connector(pipeline.detector(KAFKA__SASL_PASSWORD="hunter2"), name)  # noqa: S106 - it must not be seen
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")
    root = httpx2.get(here.root + "/").json()
    expanded = httpx2.get(here.root + "/connectors?expand=info&expand=status").json()

    assert root["kafka_cluster_id"]
    assert httpx2.get(here.root + "/connectors").json() == [name]
    assert expanded[name]["status"] == here.status()
    assert expanded[name]["info"]["config"]["errors.tolerance"] == "all"
    assert "hunter2" not in str(expanded)
    assert here.get("/topics") == {name: {"topics": [pipeline.topics.transactions.name]}}
    assert [task["id"] for task in here.get("/tasks")] == [
        {"connector": name, "task": task} for task in range(3)
    ]
    assert here.get("/tasks/1/status")["state"] == "RUNNING"
    assert httpx2.get(here.root + "/connector-plugins").json()[0]["type"] == "sink"


def test_mistakes_are_answered_as_connect_answers_them(pipeline: Pipeline, name: str) -> None:
    here = connector(pipeline.detector(), name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")

    unknown = httpx2.get(here.root + "/connectors/other/status")
    fixed = httpx2.put(here.root + here.path + "/config", json={})

    assert (unknown.status_code, unknown.json()["error_code"]) == (404, 404)
    assert f"There is {name}" in unknown.json()["message"]
    assert here.order("POST", "/tasks/99/restart") == 404
    assert fixed.status_code == 409
    assert "is configured by its deployment" in fixed.json()["message"]
    for method, path, status in (
        ("PUT", "/connectors/other/config", 404),
        ("DELETE", "/connectors/other", 404),
        ("GET", here.path + "/tasks/x/status", 404),
        ("POST", here.path + "/restart?includeTasks=maybe", 400),
        ("GET", "/no/such/path", 404),
        ("PATCH", "/connectors", 405),
    ):
        answer = httpx2.request(method, here.root + path)
        assert answer.status_code == status, (method, path)
        assert answer.json()["error_code"] == status
        assert answer.json()["message"]


def test_paused_all_workers_hold_still_in_the_group_and_a_new_one_too(pipeline: Pipeline, name: str) -> None:
    here = connector(pipeline.detector("a"), name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")

    assert here.order("PUT", "/pause") == 202
    here.comes_to(lambda: here.states() == ["PAUSED"] * 3, "the tasks are paused")
    late = connector(pipeline.detector("b"), name)
    late.comes_to(
        lambda: (
            late.states() == ["PAUSED"] * 3
            and len({task["worker_id"] for task in late.status()["tasks"]}) == 2
        ),
        "what a new worker gets is paused too",
    )
    pipeline.send(transactions(0, 90))

    assert pipeline.decisions(0).height == 0
    assert late.order("PUT", "/resume") == 202
    assert pipeline.decisions(90).height == 90


def test_stopped_workers_leave_the_group_answer_and_come_back(pipeline: Pipeline, name: str) -> None:
    here = connector(pipeline.detector(), name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")

    assert here.order("PUT", "/stop") == 204
    here.comes_to(lambda: here.status()["connector"]["state"] == "STOPPED", "it is stopped")
    pipeline.send(transactions(0, 30))

    assert here.status()["tasks"] == []
    assert pipeline.decisions(0).height == 0
    assert here.order("PUT", "/resume") == 202
    assert pipeline.decisions(30).height == 30


def test_an_order_outlives_the_workers(pipeline: Pipeline, name: str) -> None:
    first = pipeline.detector()
    here = connector(first, name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")
    here.order("PUT", "/pause")
    here.comes_to(lambda: here.states() == ["PAUSED"] * 3, "the tasks are paused")
    first.kill()

    again = connector(pipeline.detector(), name)

    again.comes_to(lambda: again.states() == ["PAUSED"] * 3, "the tasks of the new process are paused")


def test_without_tolerance_the_task_fails_the_others_go_on_and_a_restart_tries_again(
    pipeline: Pipeline, name: str
) -> None:
    here = connector(pipeline.detector(ERRORS__TOLERANCE="none"), name)
    here.comes_to(lambda: here.states() == ["RUNNING"] * 3, "three tasks run")
    pipeline.send(transactions(0, 60, users=1))
    pipeline.send_raw([("u0", b"poison")])
    pipeline.send(transactions(60, 90, users=1))
    others = transactions(90, 150, users=6)
    pipeline.send(others)

    here.comes_to(lambda: sorted(here.states()) == ["FAILED", "RUNNING", "RUNNING"], "one task has failed")
    failed = next(task for task in here.status()["tasks"] if task["state"] == "FAILED")
    decided = pipeline.decisions(60)

    assert "begins with byte 0x70" in failed["trace"]
    assert "errors.tolerance is none" in failed["trace"]
    assert here.status()["connector"]["state"] == "RUNNING"
    mine = decided.filter(source_partition=failed["id"])
    assert mine.height == 60
    assert decided.height > 60, "the other partitions go on"
    assert pipeline.outputs(0, pipeline.topics.dead_letters.name) == []
    assert here.order("POST", f"/tasks/{failed['id']}/restart") == 204
    here.comes_to(lambda: "restarting" in pipeline.detectors[0].log, "the worker restarts the task")
    here.comes_to(
        lambda: sorted(here.states()) == ["FAILED", "RUNNING", "RUNNING"], "it meets the record again"
    )


def test_after_a_mended_setting_the_failed_task_goes_on_where_it_stopped(
    pipeline: Pipeline, name: str
) -> None:
    strict = pipeline.detector(ERRORS__TOLERANCE="none")
    here = connector(strict, name)
    pipeline.send(transactions(0, 20, users=1))
    pipeline.send_raw([("u0", b"poison")])
    pipeline.send(transactions(20, 40, users=1))
    here.comes_to(lambda: "FAILED" in here.states(), "the task has failed")
    assert strict.stop() == 0

    pipeline.detector()

    assert pipeline.decisions(40)["transaction_id"].n_unique() == 40
    assert len(pipeline.dead_letters(1)) == 1


def test_a_worker_that_was_killed_is_unassigned_after_three_intervals_and_one_that_ended_at_once(
    pipeline: Pipeline, name: str
) -> None:
    watching, killed, stopped = (pipeline.detector(worker) for worker in "abc")
    here = connector(watching, name)
    here.comes_to(lambda: len({task["worker_id"] for task in here.status()["tasks"]}) == 3, "all hold one")

    assert stopped.stop() == 0
    assert f"{name}/c" not in {task["worker_id"] for task in here.status()["tasks"]}

    killed.signal(signal.SIGKILL)
    here.comes_to(
        lambda: {task["worker_id"] for task in here.status()["tasks"]} == {f"{name}/a"},
        "the living one holds all",
    )
