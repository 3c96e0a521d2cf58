"""What the chart's parts promise to those who run them."""

import pytest
import yaml

from fraud_detector.settings import DetectorSettings
from tests.support.chart import CHART, MATRIX, Manifest, kinds, manifests, of_matrix, one, pods, values
from tests.support.go_tools import waits_for_builds
from tests.support.images import DOCKERFILES, compose, stages
from tests.support.mounted import environment

pytestmark = waits_for_builds
each = pytest.mark.parametrize("name", sorted(MATRIX))
HELM_TIMEOUT_S = 300
CONFIG = "checksum/config"
PASSWORD = {
    "name": "FRAUD_KAFKA__PROPERTIES",
    "valueFrom": {"secretKeyRef": {"name": "mine", "key": "kafka"}},
}


@each
def test_pods_fit_the_restricted_pod_security_standard(name: str) -> None:
    for pod in pods(of_matrix(name)).values():
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


@each
def test_pods_run_as_the_user_that_the_images_name(name: str) -> None:
    [user] = {stages(path.read_text(encoding="utf-8"))[-1].all("USER")[0] for path in DOCKERFILES.values()}

    for pod in pods(of_matrix(name)).values():
        context = pod["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
        assert context["fsGroup"] == context["runAsGroup"]  # else mounted secrets could not be read


@each
def test_only_the_operator_can_talk_to_kubernetes_and_no_pod_takes_variables_of_services(name: str) -> None:
    for container, pod in pods(of_matrix(name)).items():
        assert pod["automountServiceAccountToken"] is (container == "operator")
        assert pod["enableServiceLinks"] is False
    assert "ClusterRole" not in kinds(of_matrix(name))


def test_images_are_those_that_compose_builds() -> None:
    built = {service["image"] for service in compose().values() if "build" in service}

    documents = of_matrix("plain")
    images = {pod["containers"][0]["image"] for name, pod in pods(documents).items() if name != "operator"}

    assert images == built


def test_workers_have_stable_names_and_no_volumes_of_their_own() -> None:
    spec = one(of_matrix("default"), "StatefulSet")["spec"]
    variables = environment(spec["template"]["spec"]["containers"][0], CHART)

    assert variables["FRAUD_WORKER"] == "redpanda.pod-0"
    assert spec["podManagementPolicy"] == "Parallel"
    assert "volumeClaimTemplates" not in spec
    assert [set(volume) for volume in spec["template"]["spec"]["volumes"]] == [{"name", "projected"}]


@pytest.mark.parametrize("autoscaler", ["hpa", "keda"])
def test_an_autoscaler_alone_says_how_many_workers_there_are(autoscaler: str) -> None:
    fixed = one(manifests(), "StatefulSet")["spec"]
    scaled = one(manifests(*values(**{f"detector__autoscaling__{autoscaler}__enabled": True})), "StatefulSet")

    assert fixed["replicas"] == 2
    assert "replicas" not in scaled["spec"]


@pytest.mark.parametrize(
    ("name", "kind", "path"),
    [
        ("everything", "HorizontalPodAutoscaler", ["behavior"]),
        ("tls-sasl", "ScaledObject", ["advanced", "horizontalPodAutoscalerConfig", "behavior"]),
    ],
)
def test_workers_leave_slowly_and_one_at_a_time(name: str, kind: str, path: list[str]) -> None:
    behavior = one(of_matrix(name), kind)["spec"]
    for part in path:
        behavior = behavior[part]

    [policy] = behavior["scaleDown"]["policies"]
    assert (policy["type"], policy["value"]) == ("Pods", 1)
    assert 600 <= behavior["scaleDown"]["stabilizationWindowSeconds"] <= 3_600  # Kubernetes' own limit
    assert 600 <= policy["periodSeconds"] <= 1_800


def test_keda_reaches_the_brokers_as_the_workers_do() -> None:
    documents = of_matrix("tls-sasl")
    trigger = one(documents, "ScaledObject")["spec"]["triggers"][0]
    auth = one(documents, "TriggerAuthentication")
    variables = environment(pods(documents)["detector"]["containers"][0], CHART)

    assert trigger["authenticationRef"]["name"] == auth["metadata"]["name"]
    assert trigger["metadata"]["bootstrapServers"] == variables["FRAUD_KAFKA__BOOTSTRAP_SERVERS"]
    assert trigger["metadata"]["consumerGroup"] == variables["FRAUD_PIPELINE"]
    assert trigger["metadata"]["topic"] == variables["FRAUD_TOPICS__TRANSACTIONS"]
    assert (trigger["metadata"]["tls"], trigger["metadata"]["sasl"]) == ("enable", "scram_sha512")
    named = [one["parameter"] for one in auth["spec"]["secretTargetRef"] + auth["spec"]["configMapTargetRef"]]
    assert sorted(named) == ["ca", "password", "username"]


def test_rest_is_reachable_where_no_worker_is_ready() -> None:
    for name in ("-detector", "-connect"):
        assert one(of_matrix("default"), "Service", name)["spec"]["publishNotReadyAddresses"] is True


@each
def test_every_service_and_budget_finds_its_pods(name: str) -> None:
    documents = of_matrix(name)
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in documents
        if one["kind"] in {"StatefulSet", "Deployment"}
    ]

    for document in documents:
        selector = (
            document.get("spec", {}).get("selector", {}) if document["kind"] != "ServiceMonitor" else {}
        )
        wanted = selector.get("matchLabels", selector)
        if wanted:
            assert sum(wanted.items() <= found.items() for found in labels) == 1, document["metadata"]["name"]


@each
def test_ports_are_those_that_the_services_listen_on(name: str) -> None:
    for pod in pods(of_matrix(name)).values():
        container = pod["containers"][0]
        if "ports" in container:
            variables = environment(container, CHART)
            assert variables["FRAUD_HTTP__PORT"] == str(container["ports"][0]["containerPort"])
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]


def test_a_worker_that_waits_for_brokers_ends_itself_before_it_is_ended() -> None:
    probe = pods(of_matrix("default"))["detector"]["containers"][0]["livenessProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] >= DetectorSettings().startup_timeout_s


def test_grace_is_longer_than_a_kafka_transaction_may_take() -> None:
    grace = pods(of_matrix("default"))["detector"]["terminationGracePeriodSeconds"]

    assert grace * 1_000 > 2 * DetectorSettings().group.transaction_timeout_ms


@each
def test_setup_is_a_hook_that_stands_on_nothing_of_the_release(name: str) -> None:
    documents = of_matrix(name)
    job = one(documents, "Job")
    made = {one["metadata"]["name"] for one in documents if not _hook(one) and one["kind"] != "Secret"}
    spec = job["spec"]["template"]["spec"]
    sources = [source for volume in spec.get("volumes", ()) for source in volume["projected"]["sources"]]

    assert _hook(job) == "pre-install,pre-upgrade"
    assert spec.get("serviceAccountName", "default") == "default"
    for source in sources:
        if "configMap" in source:
            hook = one(documents, "ConfigMap", "-setup")
            assert source["configMap"]["name"] == hook["metadata"]["name"]
            assert _weight(hook) < _weight(job)
        assert source.get("configMap", {}).get("name") not in made


def test_a_rollback_runs_no_hook() -> None:
    for name in MATRIX:
        assert not [one for one in of_matrix(name) if "rollback" in (_hook(one) or "")]


def test_setup_writes_the_first_rollout_of_the_pipeline_that_the_detectors_are() -> None:
    named = [
        environment(pods(of_matrix("everything"))[name]["containers"][0], CHART)["FRAUD_PIPELINE"]
        for name in ("setup", "detector")
    ]

    assert named[0] == named[1]


def test_setup_claims_pipeline_and_outputs_for_the_release_and_takes_over_only_when_told() -> None:
    found = {
        name: environment(pods(of_matrix(name))["setup"]["containers"][0], CHART)
        for name in ("default", "everything")
    }

    assert found["default"]["FRAUD_OWNER"] == "redpanda/fraud"
    assert "FRAUD_TAKE_OVER" not in found["default"]
    assert found["everything"]["FRAUD_TAKE_OVER"] == "true"


def test_setup_gives_up_before_helm_does_and_kubernetes_after_it() -> None:
    job = one(of_matrix("default"), "Job")
    waits = float(
        environment(job["spec"]["template"]["spec"]["containers"][0], CHART)["FRAUD_STARTUP_TIMEOUT_S"]
    )

    assert waits < job["spec"]["activeDeadlineSeconds"] < HELM_TIMEOUT_S


def test_only_the_authority_is_mounted_of_a_secret_that_holds_the_brokers_key() -> None:
    [volume] = pods(of_matrix("default"))["detector"]["volumes"]

    for source in volume["projected"]["sources"]:
        assert source["secret"]["name"] == "redpanda-default-cert"
        assert [item["key"] for item in source["secret"]["items"]] == ["ca.crt"]
    assert volume["projected"]["defaultMode"] == 0o440


def test_what_workers_read_when_they_start_restarts_them_when_it_changes() -> None:
    sums = {
        one(manifests(*flags), "StatefulSet")["spec"]["template"]["metadata"]["annotations"][CONFIG]
        for flags in ((), values(detector__rules="[]"), values(detector__rules="[ ]"))
    }

    assert len(sums) == 3


def test_pods_are_not_replaced_for_a_chart_that_only_has_another_version() -> None:
    for kind, name in (
        ("StatefulSet", "-detector"),
        ("Deployment", "-producer"),
        ("Deployment", "-operator"),
    ):
        labels = one(of_matrix("plain"), kind, name)["spec"]["template"]["metadata"]["labels"]
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


def test_workers_spread_over_nodes_by_their_own_labels() -> None:
    spec = one(of_matrix("default"), "StatefulSet")["spec"]
    [constraint] = spec["template"]["spec"]["topologySpreadConstraints"]

    assert constraint["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]


def _let_out(policy: Manifest) -> set[int]:
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


UNDER = {"setup": ["fraud-watch-setup"], "operator": ["fraud-watch", "fraud-watch-operator"]}


def _selects(policy: Manifest, labels: dict[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "NotIn"
        if labels.get(expression["key"]) in expression["values"]:
            return False
    return bool(selector["matchLabels"].items() <= labels.items())


def test_the_policy_lets_out_to_every_broker_and_the_registry_and_in_to_rest_alone() -> None:
    policy = one(of_matrix("everything"), "NetworkPolicy", "fraud-watch")

    assert _let_out(policy) == {53, 9094, 9095, 443, 9000}
    assert [rule["ports"] for rule in policy["spec"]["ingress"]] == [[{"protocol": "TCP", "port": "http"}]]


def test_setup_gets_out_by_the_policy_of_the_release_that_it_sets_up_and_by_no_earlier_one() -> None:
    documents = of_matrix("everything")
    policy, job = one(documents, "NetworkPolicy", "-setup"), one(documents, "Job")

    assert _let_out(policy) == {53, 9094, 9095, 443, 9000}
    assert "ingress" not in policy["spec"]
    assert _hook(policy) == _hook(job)
    assert _weight(policy) < _weight(job)
    assert "hook-succeeded" in policy["metadata"]["annotations"]["helm.sh/hook-delete-policy"]


def test_the_operator_alone_gets_out_to_the_api_server() -> None:
    documents = manifests(*values(networkPolicy__enabled=True))
    policies = {each["metadata"]["name"]: each for each in documents if each["kind"] == "NetworkPolicy"}

    assert {name for name, policy in policies.items() if _let_out(policy) & {443, 6443}} == {
        "fraud-fraudstream-operator"
    }
    own = policies["fraud-fraudstream-operator"]["spec"]
    assert own["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"
    assert own["policyTypes"] == ["Egress"]
    off = manifests(*values(networkPolicy__enabled=True, operator__enabled=False))
    assert "fraud-fraudstream-operator" not in {each["metadata"]["name"] for each in off}


def test_every_pod_is_under_one_policy_and_the_operator_under_its_own_beside_it() -> None:
    documents = of_matrix("everything")
    policies = {each["metadata"]["name"]: each for each in documents if each["kind"] == "NetworkPolicy"}
    job_template = yaml.safe_load(one(documents, "ConfigMap", "-job")["data"]["job.yaml"])

    for document in [*documents, job_template]:
        if document["kind"] in {"StatefulSet", "Deployment", "Job", "Pod"}:
            pod = document if document["kind"] == "Pod" else document["spec"]["template"]
            component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            under = [name for name, policy in policies.items() if _selects(policy, pod["metadata"]["labels"])]
            assert sorted(under) == UNDER.get(component, ["fraud-watch"])


def test_there_is_no_policy_for_a_setup_that_is_not_run() -> None:
    flags = values(setup__enabled=False, networkPolicy__enabled=True)

    made = {each["metadata"]["name"] for each in manifests(*flags) if each["kind"] == "NetworkPolicy"}
    assert made == {"fraud-fraudstream", "fraud-fraudstream-operator"}


def test_a_long_name_leaves_room_for_what_kubernetes_adds() -> None:
    documents = manifests("--set", f"fullnameOverride={'a' * 60}")

    for document in documents:
        revision = len("-0123456789") if document["kind"] == "StatefulSet" else 0
        assert len(document["metadata"]["name"]) + revision <= 63


def test_the_pod_of_helm_test_runs_the_image_whose_dependencies_are_tested() -> None:
    assert pods(of_matrix("default"))["try"]["containers"][0]["image"].startswith("fraudstream-detector:")


def test_the_pod_of_helm_test_has_what_is_given_to_setup() -> None:
    given = {
        "setup__extraEnv": [PASSWORD],
        "setup__podAnnotations": {"a": "b"},
        "setup__priorityClassName": "high",
        "setup__affinity": {"nodeAffinity": {}},
    }
    documents = manifests(*values(**given))

    for name in ("setup", "try"):
        assert PASSWORD in pods(documents)[name]["containers"][0]["env"]
        assert pods(documents)[name]["priorityClassName"] == "high"
        assert pods(documents)[name]["affinity"] == {"nodeAffinity": {}}
    annotations = one(documents, "Pod")["metadata"]["annotations"]
    assert annotations["a"] == "b"
    assert _hook(one(documents, "Pod")) == "test"


def _hook(document: Manifest) -> str | None:
    found: str | None = document["metadata"].get("annotations", {}).get("helm.sh/hook")
    return found


def _weight(document: Manifest) -> int:
    return int(document["metadata"]["annotations"]["helm.sh/hook-weight"])
