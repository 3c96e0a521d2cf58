"""The chart with secrets: TLS by the authority of Redpanda's own, passwords, and a key for bundles."""

import pytest

from tests.support.chart import CHART, RELEASE
from tests.support.cluster import Cluster
from tests.support.go_tools import ROOT

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("cluster"),
]

VALUES = (
    *("--values", str(ROOT / "k8s" / "fraudstream-tls-sasl.yaml")),
    *("--set", "operator.enabled=false,producer.enabled=false,detector.replicas=1"),
    *("--set", "bundles.signing.existingSecret=fraud-bundles"),
)


def test_a_missing_secret_is_named_before_anything_is_made(cluster: Cluster) -> None:
    refused = cluster.fails("helm", "install", RELEASE, str(CHART), *VALUES)

    assert 'There is no secret "redpanda-default-cert" in the namespace "redpanda"' in refused
    assert not cluster.get("jobs")["items"]


def test_a_transaction_is_decided_over_tls_with_passwords_and_by_a_signed_model(secured: Cluster) -> None:
    secured.helm("install", RELEASE, str(CHART), *VALUES, "--wait", "--timeout", "8m")

    assert "Phase:          Succeeded" in secured.helm("test", RELEASE, "--logs", "--timeout", "5m")
    secured.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")
