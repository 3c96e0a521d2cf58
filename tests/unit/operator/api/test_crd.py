"""The CRD is made from the models, structural, and teaches; what it refuses is what makes no sense."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fraud_operator.api import FraudModelSpec, FraudModelStatus
from fraud_operator.api.crd import COLUMNS, crd, text
from fraud_operator.names import GROUP, PLURAL
from tests.support.crd import defaulted, faults, nodes, schema

ROOT = Path(__file__).parents[4]
FILE = ROOT / "helm" / "fraudstream" / "crds" / f"{PLURAL}.{GROUP}.yaml"
NODES = dict(nodes(schema()))
STRUCTURAL = {
    "type", "description", "default", "properties", "items", "additionalProperties", "required",
    "enum", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "maxProperties", "anyOf",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
}  # fmt: skip


def model(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "FraudModel", "metadata": {"name": "a"}, "spec": spec}


def steps(*weights: int) -> dict[str, Any]:
    return {"canary": {"steps": [{"weight": weight} for weight in weights]}}


def test_the_chart_has_what_the_models_say() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), (
        f"write it anew: python -m fraud_operator.api.crd > {FILE.relative_to(ROOT)}"
    )


def test_a_description_stands_at_every_field() -> None:
    fields = {path for path in NODES if path and not path.endswith(("[]", "{}"))}

    fields -= {".metadata"}  # which the server describes, and lets nobody else describe
    assert len(fields) > 90
    assert not {path for path in fields if len(NODES[path].get("description", "")) < 8}


@pytest.mark.parametrize("path", sorted(NODES))
def test_it_is_structural(path: str) -> None:
    """As Kubernetes' documentation asks under `Specifying a structural schema`."""
    node = NODES[path]

    assert set(node) <= STRUCTURAL
    untyped = node.get("x-kubernetes-int-or-string") or node.get("x-kubernetes-preserve-unknown-fields")
    assert ("type" in node) != bool(untyped)
    assert not {"properties", "additionalProperties"} <= set(node)
    assert ("items" in node) == (node.get("type") == "array")
    if "anyOf" in node:
        assert node["anyOf"] == [{"type": "integer"}, {"type": "string"}]


def test_what_a_rule_reads_is_bounded_so_that_the_server_can_tell_its_cost() -> None:
    for path, node in NODES.items():
        if "x-kubernetes-validations" in node and node["type"] in {"array", "string"}:
            assert {"maxItems", "maxLength"} & set(node), path


def test_what_the_server_fills_in_is_what_the_operator_takes_for_granted() -> None:
    stored = defaulted(model(), schema())["spec"]

    assert FraudModelSpec.model_validate(stored) == FraudModelSpec()
    assert FraudModelSpec().to_manifest() == stored


def test_defaults_are_what_the_server_would_accept() -> None:
    assert faults(model()) == []


def test_the_columns_are_fields_of_the_status() -> None:
    assert [name for name, _, _ in COLUMNS] == ["Ready", "Stable", "Candidate", "Weight", "Message", "Age"]
    for _, path, _ in COLUMNS:
        if path.startswith(".status.") and "[" not in path:
            assert path in NODES


def test_status_has_all_that_the_operator_writes() -> None:
    written = {field.alias or name for name, field in FraudModelStatus.model_fields.items()}

    assert written == set(NODES[".status"]["properties"])


def test_it_is_a_resource_of_a_namespace_with_a_status_of_its_own_and_short_names() -> None:
    spec = crd()["spec"]

    assert spec["scope"] == "Namespaced"
    assert spec["names"]["shortNames"] == ["fm"]
    assert spec["names"]["categories"] == ["fraudstream"]
    assert spec["versions"][0]["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    "spec",
    [
        {"rollout": steps(1, 100)},
        {"rollout": {"shadow": "0s", "canary": {"steps": []}}},
        {"rollout": {"canary": {"steps": [{"weight": 10, "pause": {"manual": True}}]}}},
        {"rollout": {"canary": {"steps": [{"weight": 10, "pause": {"duration": "1d12h"}}]}}},
        {"hyperparameters": {"n_estimators": 50, "bootstrap": True, "max_depth": None, "C": 0.5}},
        {"gates": [{"metric": "recall", "min": 0.5}, {"metric": "alert_rate", "max": 0.01}]},
        {"training": {"resources": {"requests": {"cpu": 1, "memory": "2Gi"}}, "schedule": "0 3 * * 1"}},
    ],
)
def test_what_makes_sense_is_accepted(spec: dict[str, Any]) -> None:
    assert faults(model(**spec)) == []
    FraudModelSpec.model_validate(spec)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"rollout": steps(10, 5)}, "weights must ascend"),
        ({"rollout": steps(10, 10)}, "weights must ascend"),
        ({"rollout": steps(0)}, "minimum"),
        ({"rollout": steps(101)}, "maximum"),
        ({"rollout": steps(*range(1, 22))}, "too long"),
        (
            {"rollout": {"canary": {"steps": [{"weight": 5, "pause": {"duration": "1h", "manual": True}}]}}},
            "either manual or of a duration",
        ),
        ({"rollout": {"shadow": "an hour"}}, "does not match"),
        ({"rollout": {"shadow": "999999d999999d999999d"}}, "does not match"),
        ({"gates": [{"metric": "recall"}]}, "min, max or minOfChampion"),
        ({"training": {"alertBudget": 0}}, "minimum"),
        ({"training": {"image": "mine"}}, "unexpected"),
        ({"training": {"resources": {"requests": {"memory": "much"}}}}, "does not match"),
        ({"pipeline": "a b"}, "does not match"),
        ({"hyperparameters": {"monotonic_cst": {"amount": 1}}}, "expected to be empty"),
        ({"hyperparameters": {"categorical_features": [1, 2]}}, "expected to be empty"),
    ],
)
def test_what_makes_none_is_refused(spec: dict[str, Any], said: str) -> None:
    [fault, *_] = faults(model(**spec))

    assert said in fault


def test_a_pipeline_cannot_change_not_even_to_the_default() -> None:
    old = model(pipeline="cards")

    assert faults(model(pipeline="cards", paused=True), old) == []
    assert faults(model(pipeline="other"), old) == ["pipeline cannot change; make another FraudModel"]
    assert faults(model(), old) == ["pipeline cannot change; make another FraudModel"]


@pytest.mark.parametrize("path", sorted(ROOT.glob("k8s/samples/*.yaml")), ids=lambda path: path.name)
def test_the_samples_are_accepted(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if document["kind"] == "FraudModel":
            assert faults(document) == []
            FraudModelSpec.model_validate(document["spec"])
