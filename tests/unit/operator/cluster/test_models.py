"""FraudModels as the API server has them, and whether its CRD is as new as the operator."""

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fraud_operator.api.crd import schema
from fraud_operator.cluster.models import Found, Misread, event_of, older, read, with_fault, with_status
from fraud_operator.cluster.version import APPLY, lacking
from fraud_operator.planning.world import Event
from tests.support.crd import defaulted
from tests.support.fraud_models import NOW, QUICK, Universe, spec

ROOT = Path(__file__).parents[4]


def document(name: str = "cards", created: str = "2026-11-02T12:00:00Z", **spec: Any) -> dict[str, Any]:
    found = {
        "apiVersion": "fraudstream.dev/v1alpha1",
        "kind": "FraudModel",
        "metadata": {
            "name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 3,
            "creationTimestamp": created, "resourceVersion": "17",
        },
        "spec": spec,
    }  # fmt: skip
    stored: dict[str, Any] = defaulted(found, schema())
    return stored


def found(name: str = "cards", created: str = "2026-11-02T12:00:00Z", **spec: Any) -> Found:
    each = read(document(name, created, **spec))
    assert isinstance(each, Found)
    return each


def test_what_the_server_stores_is_read() -> None:
    model = found(**QUICK).model

    assert model.spec == spec(**QUICK)
    assert model.manager == "ns/cards/uid-cards"
    assert model.created == NOW
    assert model.generation == 3


def test_a_status_that_is_written_is_read_again() -> None:
    universe = Universe(spec(**QUICK))
    universe.until("Promoted", "Promoted")

    written = with_status(found(**QUICK), universe.status)

    again = read(written)
    assert isinstance(again, Found)
    assert again.model.status == universe.model.status
    assert written["metadata"]["resourceVersion"] == "17"


def test_fields_of_a_newer_definition_are_ignored_and_named_and_the_rest_holds() -> None:
    newer = document(**QUICK)
    newer["spec"]["novelty"] = 1
    newer["spec"]["rollout"]["canary"]["steps"][0]["mirror"] = True
    newer["status"] = {"stableVersion": "one", "novelty": 1}

    each = read(newer)

    assert isinstance(each, Found)
    assert each.ignored == ("rollout.canary.steps.0.mirror", "novelty")
    assert each.model.spec == spec(**QUICK)
    assert each.model.status.stable_version == "one"
    assert with_status(each, each.model.status)["spec"] == newer["spec"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            {"hyperparameters": {"max_iter": 9, "monotonic_cst": {"amount": 1}}},
            "spec.hyperparameters.monotonic_cst: a hyperparameter is a number, a text, true, false or null, ",
        ),
        ({"hyperparameters": {"categorical_features": []}}, "spec.hyperparameters.categorical_features: "),
        ({"rollout": {"shadow": "soon", "novelty": 1}}, "spec.rollout.shadow: 'soon' is no duration; write "),
        ({"rollout": {"canary": {"steps": [{"weight": 5}, {"weight": "much"}]}}}, "steps.1.weight: "),
        ({"gates": [{"min": 1}]}, "spec.gates.0.metric: Field required."),
    ],
)
def test_of_a_spec_with_a_value_that_is_not_known_the_rest_holds_and_the_fault_is_told(
    given: dict[str, Any], fault: str
) -> None:
    other = document(pinnedVersion="one", rollout={"analysis": {"maxAlertRate": 0.5}})
    other["spec"] |= {**given, "rollout": other["spec"]["rollout"] | given.get("rollout", {})}

    each = read(other)

    assert isinstance(each, Found)
    assert fault in str(each.model.fault)
    assert each.model.spec.pinned_version == "one"
    assert each.model.spec.rollout.analysis.max_alert_rate == 0.5
    assert with_status(each, each.model.status)["spec"] == other["spec"]


def test_a_limit_that_is_not_understood_is_none_rather_than_the_default() -> None:
    each = read(document(rollout={"analysis": {"maxAlertRate": "auto"}}))

    assert isinstance(each, Found)
    assert "maxAlertRate" in str(each.model.fault)
    assert each.model.spec.rollout.analysis.max_alert_rate is None


def misread(name: str = "cards", created: str = "2026-11-02T12:00:00Z") -> Misread:
    other = document(name, created)
    said = {"type": "Ready", "status": "True", "reason": "AllPartitionsServed"}
    other["status"] = {"stableVersion": "one", "canaryWeight": "heavy", "novelty": 1, "conditions": [said]}
    each = read(other)
    assert isinstance(each, Misread)
    return each


def test_one_with_a_status_that_is_not_known_is_told_so_in_it_once_and_keeps_the_rest() -> None:
    each = misread()
    assert each.name == "cards"
    assert "status.canaryWeight: Input should be a valid integer" in each.fault

    told = with_fault(each, NOW)

    assert told is not None
    [ready, progressing] = told["status"].pop("conditions")
    assert told["status"] == {"stableVersion": "one", "canaryWeight": "heavy", "novelty": 1}
    assert ready["type"] == "Ready"
    assert (progressing["status"], progressing["reason"]) == ("False", "InvalidSpec")
    assert progressing["message"] == f"{each.fault} Until then nothing is done."
    assert told["metadata"]["resourceVersion"] == "17"
    told["status"]["conditions"] = [ready, progressing]
    assert with_fault(Misread(told, each.fault), NOW + timedelta(days=1)) is None


def test_one_that_is_not_understood_keeps_its_pipeline() -> None:
    younger = found("b", "2026-11-02T12:00:01Z")

    assert older(younger, [younger, misread("a")]) == "a"
    assert older(younger, [younger, misread("c", "2026-11-02T12:00:02Z")]) is None


def test_of_two_for_one_pipeline_the_older_wins_and_of_one_second_the_first_name() -> None:
    first, second = found("b", "2026-11-02T12:00:00Z"), found("a", "2026-11-02T12:00:01Z")
    third, other = found("c", "2026-11-02T12:00:00Z"), found("0", "2026-11-01T12:00:00Z", pipeline="other")
    together = [first, second, third, other]

    assert older(first, together) is None
    assert older(second, together) == "b"
    assert older(third, together) == "b"
    assert older(other, together) is None


def test_an_event_is_about_the_fraud_model() -> None:
    made = event_of(found(), Event("RolledBack", "x" * 2_000, warning=True), NOW + timedelta(seconds=1))

    assert made["involvedObject"]["uid"] == "uid-cards"
    assert made["metadata"]["namespace"] == "ns"
    assert made["type"] == "Warning"
    assert made["reason"] == "RolledBack"
    assert len(made["message"]) <= 1_024


def served(openapi: dict[str, Any]) -> dict[str, Any]:
    kind = {"group": "fraudstream.dev", "version": "v1alpha1", "kind": "FraudModel"}
    ours = {**openapi, "x-kubernetes-group-version-kind": [kind]}
    return {"components": {"schemas": {"other": {}, "dev.fraudstream.v1alpha1.FraudModel": ours}}}


def test_the_cluster_has_all_that_the_operator_knows() -> None:
    assert lacking(served(schema())) == set()


def test_a_newer_definition_is_no_fault() -> None:
    newer = schema()
    newer["properties"]["spec"]["properties"]["novelty"] = {"type": "string"}

    assert lacking(served(newer)) == set()


def test_an_older_definition_lacks_fields_and_they_are_named() -> None:
    old = schema()
    del old["properties"]["spec"]["properties"]["rollout"]["properties"]["canary"]["properties"]["steps"][
        "items"
    ]["properties"]["pause"]

    assert lacking(served(old)) == {
        "spec.rollout.canary.steps[].pause",
        "spec.rollout.canary.steps[].pause.duration",
        "spec.rollout.canary.steps[].pause.manual",
    }


def test_without_any_definition_all_is_lacking() -> None:
    assert "spec.pipeline" in lacking({"components": {"schemas": {}}})


def test_the_line_that_applies_the_definition_takes_it_over_from_helm_and_stands_in_the_docs() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")

    assert "--force-conflicts" in shlex.split(APPLY)
    assert f"\n{APPLY}\n" in page
