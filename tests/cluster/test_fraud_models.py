"""FraudModels and the operator on a real API server: what it stores, refuses, shows and allows.

Needs an API server and a controller manager; a node, if there is one, gets nothing to do. More of the
operator, beside a small server of ours, is in tests/integration/operator.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud_core.rollouts import Mode
from fraud_local.stack import Stack
from fraud_operator.api import FraudModelSpec
from tests.support.bundles import small_bundle
from tests.support.go_tools import ROOT, waits_for_builds
from tests.support.operating import PATIENCE_S, fraud_model, operating, reason, rollout, said, train
from tests.support.pipeline import Pipeline, transactions, until
from tests.support.pipeline import pipeline as made
from tests.support.real_cluster import RealCluster, RefusedError, real_cluster
from tests.support.rolling_out import applied
from tests.support.states import models

pytestmark = [pytest.mark.cluster, pytest.mark.slow, waits_for_builds]
GET = ROOT / "tests" / "unit" / "operator" / "golden" / "get.txt"


@pytest.fixture(scope="module")
def namespace() -> Iterator[RealCluster]:
    with real_cluster() as one:
        yield one


@pytest.fixture
def cluster(namespace: RealCluster) -> Iterator[RealCluster]:
    """Without FraudModels at the beginning."""
    yield namespace
    namespace.kubectl("delete", "fraudmodels", "--all")


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one


def least(**spec: object) -> dict[str, object]:
    kind = {"apiVersion": "fraudstream.dev/v1alpha1", "kind": "FraudModel"}
    return {**kind, "metadata": {"name": "cards"}, "spec": spec}


def test_the_server_fills_in_what_the_operator_takes_for_granted(cluster: RealCluster) -> None:
    cluster.apply(least())

    stored = cluster.get("fraudmodels", "cards")["spec"]
    assert FraudModelSpec.model_validate(stored) == FraudModelSpec()


@pytest.mark.parametrize("path", sorted(ROOT.glob("k8s/samples/*.yaml")), ids=lambda path: path.name)
def test_the_samples_are_accepted(cluster: RealCluster, path: Path) -> None:
    cluster.kubectl("apply", "--filename", str(path), "--dry-run=server", "--validate=strict")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"rollout": {"canary": {"steps": [{"weight": 50}, {"weight": 10}]}}}, "weights must ascend"),
        ({"rollout": {"canary": {"steps": [{"weight": 10}, {"weight": 10}]}}}, "weights must ascend"),
        (
            {"rollout": {"canary": {"steps": [{"weight": 9, "pause": {"duration": "1h", "manual": True}}]}}},
            "either manual or of a duration",
        ),
        ({"gates": [{"metric": "recall"}]}, "min, max or minOfChampion"),
        ({"rollout": {"shadow": "soon"}}, "should match"),
    ],
)
def test_what_makes_no_sense_is_refused_with_our_words(
    cluster: RealCluster, spec: dict[str, object], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        cluster.apply(least(**spec))


def test_a_pipeline_cannot_change(cluster: RealCluster) -> None:
    cluster.apply(least(pipeline="a"))

    with pytest.raises(RefusedError, match="pipeline cannot change; make another FraudModel"):
        cluster.apply(least(pipeline="b"))


def test_explain_teaches_and_get_has_our_columns(cluster: RealCluster) -> None:
    cluster.apply(least())

    assert "broken limit" in cluster.kubectl("explain", "fm.spec.rollout.analysis")
    header, _ = cluster.kubectl("get", "fm").splitlines()
    assert re.split(r"\s{2,}", header.strip()) == [
        "NAME", "READY", "STABLE", "CANDIDATE", "WEIGHT", "MESSAGE", "AGE",
    ]  # fmt: skip
    assert "cards" in cluster.kubectl("get", "fraudstream")


def test_get_shows_every_state_as_the_page_has_it_and_no_field_of_a_status_is_lost(
    cluster: RealCluster,
) -> None:
    for name, model in models():
        status = model.status.to_manifest()
        cluster.apply({**least(), "metadata": {"name": name}})
        patch = json.dumps({"status": status})
        cluster.kubectl("patch", "fm", name, "--subresource=status", "--type=merge", "--patch", patch)
        assert cluster.get("fraudmodels", name)["status"] == status

    header, *lines = cluster.kubectl("get", "fm").splitlines()

    age = header.rindex("AGE")  # of MESSAGE is the first
    shown = [line[:age].rstrip() for line in (header, *lines)]
    assert sorted(shown) == sorted(GET.read_text(encoding="utf-8").splitlines())


@pytest.mark.stack
def test_with_the_charts_role_alone_a_fraud_model_is_trained_and_promoted_and_leaves_nothing_that_holds_it(
    pipeline: Pipeline, cluster: RealCluster, tmp_path: Path
) -> None:
    pipeline.set_up()
    pipeline.detector()
    applied(pipeline, rollout(pipeline))
    cluster.apply(fraud_model(pipeline))
    kubeconfig = cluster.as_operator(tmp_path)
    with operating(pipeline, kubeconfig, cluster.namespace, "first") as first:
        candidate = train(cluster, pipeline, small_bundle())
        until(lambda: rollout(pipeline).mode is Mode.SHADOW, "the candidate is shadowed", PATIENCE_S)
        first.kill()
        first.wait()

    with operating(pipeline, kubeconfig, cluster.namespace):
        traffic = iter(range(0, 1_000_000, 50))

        def promoted() -> bool:
            begin = next(traffic)
            pipeline.send(transactions(begin, begin + 50))
            return reason(cluster, "Promoted") == "Promoted"

        until(promoted, f"it is promoted; {said(pipeline)}", PATIENCE_S)
    cluster.kubectl("wait", "--for=condition=Promoted", "fm/cards", "--timeout=10s")
    assert rollout(pipeline).champion == candidate
    found = cluster.get("fraudmodels", "cards")
    assert "finalizers" not in found["metadata"]
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    assert "forbidden" not in said(pipeline) + said(pipeline, "first")
    assert "Promoted" in cluster.kubectl("describe", "fm", "cards")
    assert len(cluster.all("jobs")) == 1

    cluster.delete("fraudmodels", "cards")  # the operator is gone: nothing waits for it
    until(lambda: cluster.all("jobs") == [], "what it owned is gone", PATIENCE_S)


def test_the_operators_account_may_what_it_needs_and_reads_no_secret(
    cluster: RealCluster, tmp_path: Path
) -> None:
    cluster.as_operator(tmp_path)

    account = f"system:serviceaccount:{cluster.namespace}:fraud-fraudstream-operator"
    may = cluster.kubectl("auth", "can-i", "--list", f"--as={account}")
    assert "fraudmodels.fraudstream.dev/status" in may
    assert "secrets" not in may
