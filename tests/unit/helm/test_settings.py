"""The chart's pods are started by the settings that the services have, and by no others."""

from pathlib import Path

import pytest
import typer.main
from pydantic import SecretStr

from fraud_core.rules import load_rules
from fraud_core.settings import CoreSettings, load_settings
from fraud_core.setup import SetupSettings
from fraud_core.setup_cli import app as setup_app
from fraud_detector.cli import app as detector_app
from fraud_detector.settings import DetectorSettings
from fraud_local.try_cli import app as try_app
from fraud_operator.cli import app as operator_app
from fraud_operator.settings import OperatorSettings
from fraud_producer.cli import app as producer_app
from fraud_producer.settings import ProducerSettings
from tests.support.chart import MATRIX, Manifest, manifests, of_matrix, pods, values
from tests.support.go_tools import waits_for_builds
from tests.support.mounted import HELD, environment, lay_out

pytestmark = waits_for_builds
SETTINGS: dict[str, type[CoreSettings]] = {
    "setup": SetupSettings,
    "detector": DetectorSettings,
    "producer": ProducerSettings,
    "operator": OperatorSettings,
    "try": SetupSettings,
}
APPS = {
    "setup": setup_app,
    "producer": producer_app,
    "detector": detector_app,
    "operator": operator_app,
    "try": try_app,
}
PRODUCING = {"plain", "everything"}
IN_EACH = [
    (name, container)
    for name in sorted(MATRIX)
    for container in sorted(SETTINGS)
    if container != "producer" or name in PRODUCING
]
OF_ALL_COMMANDS = "FRAUD_SECRETS_DIR"


def _load(
    documents: list[Manifest], name: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[CoreSettings, dict[str, str]]:
    pod = pods(documents)[name]
    lay_out(pod, documents, files)
    variables = environment(pod["containers"][0], files)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    return load_settings(SETTINGS[name]), variables


@pytest.mark.parametrize(("values_name", "container"), IN_EACH)
def test_every_variable_is_a_setting_that_takes_the_value(
    values_name: str, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, variables = _load(of_matrix(values_name), container, tmp_path, monkeypatch)

    for variable in variables.keys() - {OF_ALL_COMMANDS}:
        found: object = settings
        for part in variable.removeprefix("FRAUD_").lower().split("__"):
            found = getattr(found, part)
        assert _as_text(found) == variables[variable].lower()


@pytest.mark.parametrize("values_name", sorted(MATRIX))
def test_every_command_is_one_that_its_program_understands(values_name: str) -> None:
    for name, pod in pods(of_matrix(values_name)).items():
        command, *arguments = pod["containers"][0]["args"]

        assert command == name
        assert typer.main.get_command(APPS[name]).make_context(name, arguments).params


def test_by_default_it_speaks_tls_with_redpanda_and_trusts_what_its_chart_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = _load(of_matrix("default"), "detector", tmp_path, monkeypatch)

    assert settings.kafka.bootstrap_servers == "redpanda.redpanda.svc.cluster.local:9093"
    assert settings.kafka.security_protocol == "SSL"
    assert settings.schema_registry.url == "https://redpanda.redpanda.svc.cluster.local:8081"
    assert settings.kafka.ssl_ca_location
    assert settings.schema_registry.ssl_ca_location


def test_passwords_come_as_files_and_stand_in_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, variables = _load(of_matrix("tls-sasl"), "detector", tmp_path, monkeypatch)

    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.kafka.sasl_username == HELD
    assert settings.kafka.sasl_password == SecretStr(HELD)
    assert settings.schema_registry.username == HELD
    assert settings.schema_registry.password == SecretStr(HELD)
    assert not [name for name in variables if "PASSWORD" in name or "USERNAME" in name]


def test_the_key_of_bundles_is_a_file_for_those_who_sign_or_run_them_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("setup", "detector"):
        settings, variables = _load(of_matrix("everything"), name, tmp_path / name, monkeypatch)
        assert settings.bundles.hmac_key == SecretStr(HELD)
        assert not [variable for variable in variables if "HMAC" in variable]

    for name in ("producer", "operator", "try"):
        assert "hmac" not in str(pods(of_matrix("everything"))[name])


def test_an_authority_that_is_given_as_a_file_is_what_brokers_and_registry_are_checked_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = _load(of_matrix("tls-sasl"), "setup", tmp_path, monkeypatch)

    for location in (settings.kafka.ssl_ca_location, settings.schema_registry.ssl_ca_location):
        assert location
        assert location.read_text(encoding="utf-8").startswith("-----BEGIN CERTIFICATE-----")


def test_public_authorities_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = manifests(*values(kafka__tls__existingSecret="", schemaRegistry__tls__useKafkaCA=False))

    settings, _ = _load(documents, "detector", tmp_path, monkeypatch)

    assert settings.kafka.security_protocol == "SSL"
    assert settings.kafka.ssl_ca_location is None
    assert settings.schema_registry.ssl_ca_location is None
    assert "volumes" not in pods(documents)["detector"]


def test_rules_that_are_given_are_the_ones_that_the_detector_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = _load(of_matrix("everything"), "detector", tmp_path, monkeypatch)

    assert isinstance(settings, DetectorSettings)
    assert [rule.name for rule in load_rules(settings.rules).rules] == ["high_amount"]


def test_setup_rolls_out_first_in_the_pipeline_that_the_detector_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = _load(of_matrix("everything"), "setup", tmp_path, monkeypatch)
    variables = environment(pods(of_matrix("everything"))["detector"]["containers"][0], tmp_path)

    assert isinstance(settings, SetupSettings)
    assert settings.pipeline == variables["FRAUD_PIPELINE"] == "cards"


def test_no_model_is_fixed_so_that_rollouts_say_which_one_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = _load(of_matrix("default"), "detector", tmp_path, monkeypatch)

    assert isinstance(settings, DetectorSettings)
    assert settings.model.sha256 is None


@pytest.mark.parametrize("container", ["setup", "try"])
def test_setup_and_helm_test_know_the_dead_letter_topic_that_the_detector_writes(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = _load(of_matrix("everything"), container, tmp_path, monkeypatch)

    assert isinstance(settings, SetupSettings)
    assert settings.errors.deadletterqueue.topic.name == "cards_dlq"


@pytest.mark.parametrize("container", ["setup", "try", "detector"])
def test_settings_may_come_as_maps_as_set_makes_them(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (
        "detector.config.errors.deadletterqueue.topic.name=cards_dlq",
        "detector.config.errors.retry.timeout=9",
    )
    documents = manifests(*(part for flag in flags for part in ("--set", flag)))

    settings, _ = _load(documents, container, tmp_path, monkeypatch)

    assert isinstance(settings, SetupSettings | DetectorSettings)
    assert settings.errors.deadletterqueue.topic.name == "cards_dlq"
    assert settings.errors.retry.timeout == 9


@pytest.mark.parametrize(
    "given", ['{"kafka.properties": {"a.b": 1}}', '{"kafka": {"properties": {"a.b": 1}}}']
)
def test_properties_of_librdkafka_stay_one_setting(given: str) -> None:
    documents = manifests("--set-json", f"detector.config={given}")

    variables = environment(pods(documents)["detector"]["containers"][0], Path("/"))

    assert variables["FRAUD_KAFKA__PROPERTIES"] == '{"a.b":1}'


@pytest.mark.parametrize("path", ["log.level", "log", "log__level"])
@pytest.mark.parametrize("component", ["detector", "producer", "operator"])
def test_one_component_may_log_more_than_the_others(component: str, path: str) -> None:
    own = {path: {"level": "DEBUG"} if path == "log" else "DEBUG"}
    documents = manifests(*values(producer__enabled=True, **{f"{component}__config": own}))

    for name, pod in pods(documents).items():
        env = [(each["name"], each.get("value")) for each in pod["containers"][0]["env"]]
        expected = "DEBUG" if name == component else "INFO"
        assert [value for variable, value in env if variable == "FRAUD_LOG__LEVEL"] == [expected], name


@pytest.mark.parametrize("number", [1_000_000, 16_777_216, 3])
def test_whole_numbers_reach_settings_as_whole_numbers(number: int) -> None:
    documents = manifests("--set-json", f'detector.config={{"state.snapshot_cycle_records": {number}}}')

    variables = environment(pods(documents)["detector"]["containers"][0], Path("/"))

    assert variables["FRAUD_STATE__SNAPSHOT_CYCLE_RECORDS"] == str(number)


def _as_text(found: object) -> str:
    if isinstance(found, dict):
        pairs = (f'"{name}":"{value.get_secret_value()}"' for name, value in sorted(found.items()))
        return "{" + ",".join(pairs) + "}"
    return str(found).removesuffix(".0").lower()
