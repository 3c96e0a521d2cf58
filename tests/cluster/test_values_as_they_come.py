"""The chart as it comes, beside Redpanda's as it comes: TLS by Redpanda's own authority, and no passwords."""

import pytest

from tests.support.chart import CHART, RELEASE
from tests.support.cluster import Cluster, until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("cluster"),
]

SMALL = ("--set", "detector.replicas=1")
"""All values are the chart's, but that a small node has no room for two."""


def test_a_release_without_values_decides_a_transaction_and_can_be_taken_away(encrypted: Cluster) -> None:
    encrypted.helm("install", RELEASE, str(CHART), *SMALL, "--wait", "--timeout", "8m")

    told = encrypted.helm("test", RELEASE, "--logs", "--timeout", "5m")
    assert "Phase:          Succeeded" in told
    assert "transaction  try-" in told
    encrypted.helm("uninstall", RELEASE, "--wait", "--timeout", "3m")
    until(lambda: not encrypted.pods("detector"), lambda: "the detector has ended")
