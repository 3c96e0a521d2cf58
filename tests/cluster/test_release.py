"""One release of the chart as it comes, from install to uninstall: each test goes on from the last.

It is beside Redpanda's chart as it comes: TLS by Redpanda's own authority, and no passwords.

The input flows all the time. Whatever was done to the release, each transaction has one decision in the end.
"""

import os
import subprocess
from pathlib import Path

import httpx2
import polars as pl
import pytest

from fraud_core.kafka import partition_counts
from tests.support import committed
from tests.support.chart import CHART, RELEASE
from tests.support.cluster import Cluster, kubectl, until
from tests.support.go_tools import ROOT, tool
from tests.support.pipeline import Pipeline

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("cluster"),
]

DETECTOR = f"{RELEASE}-fraudstream-detector"
CONNECT = f"service/{RELEASE}-fraudstream-connect"
RATE = 50
VALUES = (
    *("--set", "producer.enabled=true"),
    *("--set-json", f'producer.args=["--profile","realistic","--rate","{RATE}"]'),
    # All else is the chart's, but that a small node has no room for three that ask for what it asks for.
    *("--set", "detector.resources.requests.cpu=100m"),
)


def _decided(outside: Pipeline) -> pl.DataFrame:
    return committed.frame(outside, "Decision", outside.topics.alerts.name, outside.topics.classified.name)


def _sent(outside: Pipeline) -> pl.DataFrame:
    return committed.frame(outside, "Transaction", outside.topics.transactions.name)


def _goes_on(outside: Pipeline) -> None:
    """Wait until more has been decided, and see that nothing was decided twice."""
    before = _decided(outside).height
    until(lambda: _decided(outside).height > before + 5 * RATE, lambda: f"more than {before} decisions")
    decided = _decided(outside)
    assert decided["transaction_id"].is_unique().all()
    assert decided.select("source_partition", "source_offset").is_unique().all()


def _tasks(cluster: Cluster) -> dict[str, list[int]]:
    """Partitions by the worker that runs them, as Kafka Connect's REST API has it."""
    with cluster.forwarded(CONNECT, 8083) as port:
        answer = httpx2.get(
            f"http://127.0.0.1:{port}/connectors/fraud-detector/status", timeout=30, trust_env=False
        )
    found: dict[str, list[int]] = {}
    for task in answer.json()["tasks"]:
        if task["state"] == "RUNNING":
            found.setdefault(task["worker_id"], []).append(task["id"])
    return found


def _spread(cluster: Cluster, workers: int) -> None:
    """Wait until so many workers run all six partitions."""
    until(
        lambda: sorted(map(len, _tasks(cluster).values())) == [6 // workers] * workers,
        lambda: f"{workers} workers with {6 // workers} partitions each; there are {_tasks(cluster)}",
    )


def test_install_makes_topics_and_two_workers_that_become_ready(encrypted: Cluster) -> None:
    told = encrypted.helm("install", RELEASE, str(CHART), *VALUES, "--wait", "--timeout", "8m")

    assert "STATUS: deployed" in told
    pods = encrypted.pods("detector")
    assert sorted(pods) == [f"{DETECTOR}-0", f"{DETECTOR}-1"]
    assert not encrypted.get("jobs")["items"], "the hook's Job goes when it has succeeded"
    _spread(encrypted, 2)


def test_helm_test_passes_right_after_the_install(cluster: Cluster) -> None:
    _tries(cluster)


def _tries(cluster: Cluster) -> None:
    told = cluster.helm("test", RELEASE, "--logs", "--timeout", "5m")

    assert "Phase:          Succeeded" in told
    assert "transaction  try-" in told


def test_the_commands_of_the_notes_do_what_they_say(cluster: Cluster, tmp_path: Path) -> None:
    for name, program in (("helm", tool("helm")), ("kubectl", kubectl())):
        (tmp_path / name).symlink_to(program)
    environment = os.environ | {
        "KUBECONFIG": str(cluster.kubeconfig),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    notes = cluster.helm("get", "notes", RELEASE).splitlines()
    # rpk is in Redpanda's own image alone; what deletes all that was decided is not for this session.
    commands = [line.strip() for line in notes if line.startswith("  ") and "rpk" not in line]
    forward = next(line for line in commands if " port-forward " in line)
    rest = [line for line in commands if line != forward]
    assert len(rest) >= 5

    with subprocess.Popen(forward.split(), env=environment, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline()
            done = [_done(line, environment) for line in rest]
        finally:
            process.terminate()

    assert [one for one in done if one.returncode] == []


def _done(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", line], check=False, capture_output=True, text=True, env=environment, cwd=ROOT
    )


def test_no_pod_breaks_the_restricted_pod_security_standard(cluster: Cluster) -> None:
    hooks = cluster.helm("get", "hooks", RELEASE)

    told = cluster.complains("apply", "--dry-run=server", "--filename", "-", given=hooks)
    told += cluster.complains(
        "apply", "--dry-run=server", "--filename", "-", given=cluster.helm("get", "manifest", RELEASE)
    )

    assert "would violate PodSecurity" not in told


def test_each_transaction_is_decided_once(outside: Pipeline) -> None:
    _goes_on(outside)


def test_a_third_worker_takes_its_share_and_gives_it_back(cluster: Cluster, outside: Pipeline) -> None:
    for workers in (3, 2):
        cluster.kubectl("scale", f"statefulset/{DETECTOR}", f"--replicas={workers}")
        cluster.rolled_out(f"statefulset/{DETECTOR}")
        _spread(cluster, workers)
        _goes_on(outside)


def test_a_killed_worker_comes_back_under_its_name_and_nothing_is_doubled(
    cluster: Cluster, outside: Pipeline
) -> None:
    name = f"{DETECTOR}-0"
    before = cluster.pods("detector")[name]["metadata"]["uid"]

    cluster.kubectl("delete", "pod", name, "--grace-period=0", "--force")

    until(lambda: name in cluster.pods("detector"), lambda: f"{name} is made anew")
    cluster.rolled_out(f"statefulset/{DETECTOR}")
    assert cluster.pods("detector")[name]["metadata"]["uid"] != before
    _spread(cluster, 2)
    _goes_on(outside)


def test_an_upgrade_replaces_the_workers_and_a_rollback_brings_the_old_settings_back(
    cluster: Cluster, outside: Pipeline
) -> None:
    schemas = outside.registry.id_of(outside.topics.alerts)

    cluster.helm(
        "upgrade", RELEASE, str(CHART), *VALUES,
        "--set", "detector.config.batch\\.max_records=1000", "--wait", "--timeout", "8m",
    )  # fmt: skip
    assert "FRAUD_BATCH__MAX_RECORDS" in _variables(cluster)
    _spread(cluster, 2)
    _goes_on(outside)

    cluster.helm("rollback", RELEASE, "1", "--wait", "--timeout", "8m")
    assert "FRAUD_BATCH__MAX_RECORDS" not in _variables(cluster)
    assert outside.registry.id_of(outside.topics.alerts) == schemas
    _spread(cluster, 2)
    _goes_on(outside)


def _variables(cluster: Cluster) -> set[str]:
    pod = cluster.pods("detector")[f"{DETECTOR}-0"]
    return {one["name"] for one in pod["spec"]["containers"][0]["env"]}


def test_helm_test_passes_after_upgrade_and_rollback(cluster: Cluster) -> None:
    _tries(cluster)


def test_another_release_of_the_same_pipeline_is_refused_by_its_setup(cluster: Cluster) -> None:
    refused = cluster.fails("helm", "install", "second", str(CHART), *VALUES, "--timeout", "3m")

    job = "job/second-fraudstream-setup"
    assert "pre-install hooks failed" in refused or "failed pre-install" in refused
    assert f"pipeline fraud-detector: redpanda/{RELEASE}" in cluster.kubectl("logs", job)
    cluster.helm("uninstall", "second")
    cluster.kubectl("delete", job, "--ignore-not-found")


def test_after_all_that_every_transaction_has_one_decision(cluster: Cluster, outside: Pipeline) -> None:
    producer = f"deployment/{RELEASE}-fraudstream-producer"
    cluster.kubectl("scale", producer, "--replicas=0")
    until(lambda: not cluster.pods("producer"), lambda: "the producer has ended")
    sent = _sent(outside)

    until(lambda: _decided(outside).height >= sent.height, lambda: f"{sent.height} decisions")

    decided = _decided(outside)
    assert sorted(decided["transaction_id"]) == sorted(sent["transaction_id"])
    assert not list(committed.messages(outside, outside.topics.dead_letters.name))


def test_uninstall_leaves_topics_and_nothing_else(cluster: Cluster, outside: Pipeline) -> None:
    before = partition_counts(outside.settings.kafka)

    cluster.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")

    assert partition_counts(outside.settings.kafka) == before
    left = cluster.get(
        "all,configmaps,serviceaccounts,poddisruptionbudgets,networkpolicies",
        "--selector", "app.kubernetes.io/part-of=fraudstream",
    )["items"]  # fmt: skip
    hooks = [one for one in left if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    assert [one["metadata"]["name"] for one in left if one not in hooks] == []
