"""Values that can't work are refused when they are rendered, with what to do."""

import pytest

from tests.support.chart import RefusedError, text, values
from tests.support.go_tools import waits_for_builds

pytestmark = waits_for_builds
NOT_PEM = "kafka.tls.ca holds no PEM certificate. Give the file with --set-file kafka.tls.ca=ca.crt"
REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "two autoscalers": (
        {"detector__autoscaling__hpa__enabled": True, "detector__autoscaling__keda__enabled": True},
        "hpa and keda are both enabled, and each would set the workers' number. Enable one.",
    ),
    "more workers by CPU than partitions": (
        {"detector__autoscaling__hpa__enabled": True, "detector__autoscaling__hpa__maxReplicas": 7},
        "detector.autoscaling.hpa.maxReplicas (7) is above topics.partitions (6)",
    ),
    "more workers by lag than partitions": (
        {"detector__autoscaling__keda__enabled": True, "topics__partitions": 3},
        "detector.autoscaling.keda.maxReplicas (6) is above topics.partitions (3)",
    ),
    "a least above the most": (
        {"detector__autoscaling__hpa__enabled": True, "detector__autoscaling__hpa__minReplicas": 7},
        "detector.autoscaling.hpa.minReplicas (7) is above its maxReplicas (6)",
    ),
    "the name of a certificate's file": ({"kafka__tls__ca": "ca.crt"}, NOT_PEM),
    "an authority without TLS": (
        {"kafka__tls__enabled": False, "kafka__tls__ca": "-----BEGIN CERTIFICATE-----"},
        "kafka.tls.ca is given, and kafka.tls.enabled is false",
    ),
    "a registry's authority without TLS": (
        {"schemaRegistry__url": "http://r:8081", "schemaRegistry__tls__ca": "-----BEGIN CERTIFICATE-----"},
        "schemaRegistry.tls.ca is given, and schemaRegistry.url does not begin with https",
    ),
    "a mistyped value": ({"detector__replica": 3}, "additional properties 'replica' not allowed"),
    "an unknown mechanism": ({"kafka__sasl__mechanism": "GSSAPI"}, "/kafka/sasl/mechanism"),
    "a password in an address": ({"schemaRegistry__url": "https://me:secret@r:8081"}, "/schemaRegistry/url"),
    "a broker without port": ({"kafka__bootstrapServers": "broker"}, "/kafka/bootstrapServers"),
    "a setting given twice": (
        {"detector__config": {"errors": {"tolerance": "all"}, "errors.tolerance": "none"}},
        "The setting errors.tolerance is given twice, by its path and within a map. Give it once.",
    ),
    "a setting in capitals": ({"detector__config": {"ERRORS__TOLERANCE": "all"}}, "does not match pattern"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_its_reason(case: str) -> None:
    given, message = REFUSED[case]

    with pytest.raises(RefusedError, match="Error") as refused:
        text(*values(**given))

    assert message in str(refused.value)


def test_names_that_leave_none_for_workers_are_refused() -> None:
    with pytest.raises(RefusedError, match="Give a shorter fullnameOverride"):
        text("--namespace", "n" * 40, *values(fullnameOverride="f" * 40))
