"""Values that can't work are refused when they are rendered, with what to do."""

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.support.chart import CHART, MATRIX, RefusedError, helm, manifests, of_matrix, pods, text, values
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
        "The setting errors.tolerance is given twice, by its path and within a map or with underscores.",
    ),
    "a setting given by its variable, too": (
        {"detector__config": {"errors__tolerance": "all", "errors.tolerance": "none"}},
        "The setting errors.tolerance is given twice",
    ),
    "its own alerts as input": (
        {"topics__transactions": "fraud_alerts"},
        "topics.transactions is fraud_alerts, which this release writes itself.",
    ),
    "what has the prefix as input": (
        {"topics__prefix": "a.", "topics__transactions": "a.classified_transactions"},
        "topics.transactions is a.classified_transactions, which this release writes itself.",
    ),
    "its dead letters as input": (
        {"detector__config": {"errors.deadletterqueue.topic.name": "transactions"}},
        "topics.transactions is transactions, which this release writes itself.",
    ),
    "claims as logins": ({"topics__logins": "fraud_claims"}, "topics.logins is fraud_claims, which"),
    "one topic for both inputs": (
        {"topics__logins": "transactions"},
        "topics.transactions and topics.logins are both transactions.",
    ),
    "a name that no service may have": ({"fullnameOverride": "My_Name"}, "would be named My_Name-connect"),
    "a name that begins with a digit": ({"fullnameOverride": "2fraud"}, "Give another fullnameOverride."),
    "a setting in capitals": ({"detector__config": {"ERRORS__TOLERANCE": "all"}}, "does not match pattern"),
}


OF_ONE_ALONE = {"log.format", "log.level"}
"""What a component may have otherwise than the rest."""


def _is_its_own(component: str, variable: str) -> bool:
    """What stands under `config` or in `extraEnv`, and where secrets are."""
    given = yaml.safe_load(MATRIX["everything"].read_text(encoding="utf-8"))[component]
    extra = {each["name"] for each in given.get("extraEnv", ())}
    sections = {path.partition(".")[0] for path in given.get("config", {})}
    section = variable.removeprefix("FRAUD_").lower().partition("__")[0]
    return variable in extra | {"FRAUD_SECRETS_DIR"} or section in sections


def test_every_setting_that_the_chart_gives_is_refused_among_a_components_own() -> None:
    given = {
        variable["name"].removeprefix("FRAUD_").lower().replace("__", ".")
        for component, pod in pods(of_matrix("everything")).items()
        if component in {"detector", "producer", "operator"}
        for variable in pod["containers"][0]["env"]
        if variable["name"].startswith("FRAUD_") and not _is_its_own(component, variable["name"])
    }
    reserved = (CHART / "templates" / "_reserved.tpl").read_text(encoding="utf-8")

    assert len(given) > 20
    assert given - OF_ONE_ALONE <= set(re.findall(r"^([\w.]+): ", reserved, re.MULTILINE))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kafka.bootstrap_servers", "kafka.bootstrapServers"),
        ("kafka.sasl_password", "kafka.sasl.existingSecret"),
        ("kafka.ssl_ca_location", "kafka.tls.ca or kafka.tls.existingSecret"),
        ("schema_registry.username", "schemaRegistry.auth.existingSecret"),
        ("topics.prefix", "topics.prefix"),
        ("topics__prefix", "topics.prefix"),
        ("topics.max_message_bytes", "topics.maxMessageBytes"),
        ("bundles.hmac_key", "bundles.signing.existingSecret"),
        ("pipeline", "pipeline"),
        ("rules", "detector.rules"),
        ("kafka.properties", "kafka.properties"),
        ("http.port", "detector.service.port"),
    ],
)
def test_what_has_a_value_of_its_own_is_refused_among_the_detectors_and_the_value_named(
    path: str, value: str
) -> None:
    also = {"detector__rules": "[]", "kafka__properties": {"a.b": 1}}
    with pytest.raises(RefusedError, match=r"detector\.config has") as refused:
        text(*values(detector__config={path: "x"}, **also))

    assert f"which would reach the detector alone. Set the value {value}." in str(refused.value)


def test_what_the_chart_makes_by_itself_is_refused_too() -> None:
    with pytest.raises(RefusedError, match=r"detector\.config has worker, which the chart gives to each pod"):
        text(*values(detector__config={"worker": "w"}))
    with pytest.raises(RefusedError, match=r"Set the value producer\.pipeline"):
        text(*values(producer__config={"pipeline": "w"}))


def test_the_size_of_messages_reaches_all_that_read_or_write_them() -> None:
    documents = manifests(*values(topics__maxMessageBytes=4_000_000, producer__enabled=True))

    for name, pod in pods(documents).items():
        env = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
        assert env["FRAUD_TOPICS__MAX_MESSAGE_BYTES"] == "4000000", name


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_its_reason(case: str) -> None:
    given, message = REFUSED[case]

    with pytest.raises(RefusedError, match="Error") as refused:
        text(*values(**given))

    assert message in str(refused.value)


def test_a_release_whose_name_no_service_may_have_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"Services would be named fraud\.x-fraudstream-connect"):
        helm("template", "fraud.x", str(CHART), *values())

    assert helm("template", "fraud.x", str(CHART), *values(fullnameOverride="fraud-x"))


def test_names_that_look_like_numbers_stay_texts() -> None:
    names = values(
        fullnameOverride="fraud", nameOverride="7", serviceAccount__name="8",
        operator__serviceAccount__name="9",
        kafka__tls__existingSecret="10", producer__enabled=True, networkPolicy__enabled=True,
        metrics__serviceMonitor__enabled=True, metrics__prometheusRule__enabled=True,
    )  # fmt: skip
    documents = yaml.safe_load_all(helm("template", "123", str(CHART), "--namespace", "2026", *names))

    for document in documents:
        for path, value in _texts(document):
            assert isinstance(value, str), f"{document['kind']} {path}: {value!r}"


TEXTS = {"name", "namespace", "labels", "matchLabels", "annotations", "value", "serviceAccountName"}


def _texts(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """What Kubernetes takes as a text alone, by where it stands."""
    if isinstance(node, list):
        for each in node:
            yield from _texts(each, path)
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{path}.{key}"
            if key in TEXTS and isinstance(value, dict):
                yield from ((f"{here}.{name}", text_) for name, text_ in value.items())
            elif key in TEXTS - {"value"} or (key == "value" and ".env" in path):
                yield here, value
            else:
                yield from _texts(value, here)


def test_names_that_leave_none_for_workers_are_refused() -> None:
    with pytest.raises(RefusedError, match="Give a shorter fullnameOverride"):
        text("--namespace", "n" * 40, *values(fullnameOverride="f" * 40))
