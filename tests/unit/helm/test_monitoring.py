"""Alerts and dashboard stand on metrics that the detector has, with the labels that they have."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from fraud_core.connect.records import Distribution, ModelStatus, Role, Serving
from fraud_detector.metrics import Metrics
from fraud_detector.model_metrics import ModelMetrics
from fraud_detector.partition_metrics import Held
from fraud_operator.metrics import Metrics as OperatorMetrics
from tests.support.chart import CHART, MATRIX, Manifest, helm, manifests, of_matrix, one, pods, values
from tests.support.go_tools import waits_for_builds

pytestmark = waits_for_builds
METRIC = re.compile(r"\bfraud_\w+")
GROUPED = re.compile(r"\bby \(([\w, ]+)\)")
SELECTED = re.compile(r"[{,](\w+)=")
OF_THE_OPERATOR = {"FraudstreamModelDegraded", "FraudstreamOperatorStuck"}
OF_THE_SCRAPE = {"le", "pod", "namespace", "service"}


def _there() -> tuple[set[str], set[str]]:
    """Names of series, and of labels, as the detector tells them."""
    metrics = Metrics()
    metrics.reasons.labels("model")
    metrics.dead_letters.labels("TRANSFORMATION")
    metrics.partitions.held = lambda: [Held(0, 1, 2, 3)]
    met = Distribution("amount", (1_000, 0), (1_000, 0))
    serving = Serving(models=(ModelStatus("v1", Role.CHAMPION, distributions=(met,)),))
    metrics.registry.register(ModelMetrics(lambda: serving))
    operator = OperatorMetrics()
    operator.condition.labels("card-fraud", "Degraded")
    registries = (metrics.registry, operator.registry)
    samples = [sample for one in registries for family in one.collect() for sample in family.samples]
    return {sample.name for sample in samples}, {label for sample in samples for label in sample.labels}


def _rules(documents: list[Manifest]) -> list[Manifest]:
    [group] = one(documents, "PrometheusRule")["spec"]["groups"]
    rules: list[Manifest] = group["rules"]
    return rules


def _dashboard(documents: list[Manifest]) -> Manifest:
    board: Manifest = json.loads(one(documents, "ConfigMap", "-dashboard")["data"]["fraudstream.json"])
    return board


def _expressions() -> Iterator[str]:
    documents = of_matrix("everything")
    yield from (rule["expr"] for rule in _rules(documents))
    board = _dashboard(documents)
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])
    yield from (
        one["query"]["query"] for one in board["templating"]["list"] if isinstance(one["query"], dict)
    )


def test_every_metric_and_label_that_is_asked_for_exists() -> None:
    names, labels = _there()
    expressions = list(_expressions())
    assert len(expressions) > 20

    for expression in expressions:
        assert set(METRIC.findall(expression.replace("fraud-watch", ""))) <= names
        grouped = {label for found in GROUPED.findall(expression) for label in found.split(", ")}
        assert grouped | set(SELECTED.findall(expression)) <= labels | OF_THE_SCRAPE
        assert expression.count("{") == expression.count("}")
        assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize(
    ("release", "namespace"), [("fraud", "redpanda"), ("fraud-detector", "my-detectors")]
)
def test_alerts_ask_for_the_services_of_this_release_alone(release: str, namespace: str) -> None:
    flags = ("--namespace", namespace, "--values", str(MATRIX["everything"]), "--set", "fullnameOverride=")
    documents = list(yaml.safe_load_all(helm("template", release, str(CHART), *flags)))
    services = {
        name: one(documents, "Service", name)["metadata"]["name"] for name in ("-detector", "-operator")
    }

    for rule in _rules(documents):
        selectors = re.findall(r"\{([^}]*)\}", rule["expr"])
        asked = services["-operator" if rule["alert"] in OF_THE_OPERATOR else "-detector"]
        assert selectors
        for selector in selectors:
            assert f"{selector},".startswith(f'namespace="{namespace}",service="{asked}",')


def test_there_are_alerts_for_what_must_not_pass_unseen() -> None:
    assert {rule["alert"] for rule in _rules(of_matrix("everything"))} == {
        "FraudstreamDown", "FraudstreamLag", "FraudstreamSlow",
        "FraudstreamSilence", "FraudstreamDeadLetters", "FraudstreamAborts",
        "FraudstreamRegistryAway", "FraudstreamChallengerDropped", "FraudstreamRolloutStuck",
        "FraudstreamModelErrors", "FraudstreamModelDegraded", "FraudstreamOperatorStuck", "FraudstreamDrift",
        "FraudstreamFeatureDrift",
    }  # fmt: skip


def test_an_operator_that_is_gone_or_looks_at_nothing_is_told_of_where_there_shall_be_one() -> None:
    rule = {rule["alert"]: rule for rule in _rules(of_matrix("everything"))}["FraudstreamOperatorStuck"]
    gone, stuck = rule["expr"].split(" or ")
    [minutes] = re.findall(r"\[(\d+)m\]", stuck)

    assert gone.startswith("absent(fraud_operator_reconciles_total{")
    assert re.fullmatch(r"sum\(increase\(fraud_operator_reconciles_total\{.*\}\[10m\]\)\) == 0", stuck)

    fires_after = int(minutes) + int(rule["for"].removesuffix("m"))
    assert f"not looked at its FraudModels for {fires_after} minutes." in rule["annotations"]["summary"]

    without = manifests(*values(metrics__prometheusRule__enabled=True, operator__enabled=False))
    assert not {rule["alert"] for rule in _rules(without)} & OF_THE_OPERATOR


@pytest.mark.parametrize(
    ("off", "alert"),
    [
        ("silence=", "FraudstreamSilence"),
        ("driftFactor=0", "FraudstreamDrift"),
        ("driftPsi=0", "FraudstreamFeatureDrift"),
    ],
)
def test_alerts_that_do_not_fit_every_input_can_be_switched_off(off: str, alert: str) -> None:
    rule = "metrics.prometheusRule"

    documents = manifests("--set", f"{rule}.enabled=true", "--set", f"{rule}.{off}")

    assert alert not in {rule["alert"] for rule in _rules(documents)}


def test_roles_that_are_asked_for_are_those_that_versions_have() -> None:
    asked = {role for expression in _expressions() for role in re.findall(r'role="(\w+)"', expression)}

    assert asked == {Role.CHAMPION.value, Role.CHALLENGER.value}


def test_the_monitor_scrapes_each_worker_once() -> None:
    documents = of_matrix("everything")
    selector = one(documents, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    scraped = [
        document["spec"]["selector"]["app.kubernetes.io/component"]
        for document in documents
        if document["kind"] == "Service" and selector.items() <= document["metadata"]["labels"].items()
    ]

    assert sorted(scraped) == ["detector", "operator", "producer"]


def test_what_a_prometheus_and_a_grafana_select_by_can_be_given() -> None:
    documents = of_matrix("everything")

    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert one(documents, kind)["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert one(documents, "ConfigMap", "-dashboard")["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_panels_do_not_overlap() -> None:
    places: set[tuple[int, int]] = set()
    for panel in _dashboard(of_matrix("everything"))["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & places
        assert max(x for x, _ in cells) < 24
        places |= cells


def test_nothing_needs_an_operator_of_others_by_default() -> None:
    assert {document["apiVersion"].split("/")[0] for document in of_matrix("default")} == {
        "v1",
        "apps",
        "batch",
        "rbac.authorization.k8s.io",
    }
    assert set(pods(of_matrix("default"))) == {"detector", "operator", "setup", "try"}
