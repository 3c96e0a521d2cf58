"""The chart beside a broker and a registry without TLS, with the values that k8s/ has for it."""

import pytest

from tests.support.chart import CHART, RELEASE
from tests.support.cluster import Cluster, until
from tests.support.go_tools import ROOT

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("cluster"),
]

VALUES = (
    *("--values", str(ROOT / "k8s" / "fraudstream-dev.yaml")),
    *("--set", "operator.enabled=false,producer.enabled=false,detector.replicas=1"),
)


def test_a_transaction_is_decided_without_tls_and_the_release_can_be_taken_away(redpanda: Cluster) -> None:
    redpanda.helm("install", RELEASE, str(CHART), *VALUES, "--wait", "--timeout", "8m")

    told = redpanda.helm("test", RELEASE, "--logs", "--timeout", "5m")
    assert "Phase:          Succeeded" in told
    assert "transaction  try-" in told
    redpanda.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")
    until(lambda: not redpanda.pods("detector"), lambda: "the detector has ended")
