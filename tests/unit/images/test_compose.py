"""compose.yaml held against the code: `docker compose up` itself needs Docker, these need none."""

import re

import pytest
import typer.main

from fraud_core.settings import CoreSettings, load_settings
from fraud_core.setup_cli import app as setup_app
from fraud_detector.cli import app as detector_app
from fraud_detector.settings import DetectorSettings
from fraud_producer.cli import app as producer_app
from fraud_producer.settings import ProducerSettings
from tests.support.images import ROOT, compose, project

SERVICES = compose()
SETTINGS: dict[str, type[CoreSettings]] = {
    "setup": CoreSettings,
    "producer": ProducerSettings,
    "detector": DetectorSettings,
}
APPS = {"setup": setup_app, "producer": producer_app, "detector": detector_app}
each_of_ours = pytest.mark.parametrize("name", sorted(SETTINGS))
each = pytest.mark.parametrize("name", sorted(SERVICES))


def test_it_has_the_tutorials_parts_and_ours_are_the_ones_that_are_built() -> None:
    assert set(SERVICES) == {"redpanda", "console", *SETTINGS}
    assert {name for name, service in SERVICES.items() if "build" in service} == set(SETTINGS)


@each_of_ours
def test_every_variable_is_a_setting_that_takes_the_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = SERVICES[name]["environment"]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    settings = load_settings(SETTINGS[name])

    for variable, value in variables.items():
        prefix, path = variable.split("_", 1)
        found: object = settings
        for part in path.lower().split("__"):
            found = getattr(found, part)
        assert prefix == "FRAUD"
        assert str(found) == value


@each_of_ours
def test_every_command_is_one_that_the_image_understands(name: str) -> None:
    command, *arguments = SERVICES[name].get("command", [name])

    assert command == name
    assert typer.main.get_command(APPS[name]).make_context(name, arguments).params


@each_of_ours
def test_images_are_built_from_this_checkout(name: str) -> None:
    service = SERVICES[name]
    build = service["build"]

    assert (ROOT / build["context"]).samefile(ROOT)
    assert (ROOT / build["dockerfile"]).is_file()
    assert service["image"] == f"fraudstream-{build['dockerfile'].split('/')[1]}:{project()['version']}"
    assert service["pull_policy"] == "build"


@pytest.mark.parametrize("name", ["console", "redpanda"])
def test_images_of_others_are_pinned_to_a_release(name: str) -> None:
    assert re.fullmatch(r"docker\.redpanda\.com/redpandadata/\w+:v\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_the_console_is_of_the_third_generation_whose_variables_it_is_given() -> None:
    console = SERVICES["console"]

    assert ":v3." in console["image"]
    assert console["environment"]["SCHEMAREGISTRY_ENABLED"] == "true"


@each_of_ours
def test_ours_run_with_nothing_that_they_do_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service  # the image's own is not root
    assert "volumes" not in service


@each
def test_nothing_waits_for_what_cannot_come_true(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"]
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


def test_streams_begin_when_setup_is_through() -> None:
    for name in ("producer", "detector"):
        assert SERVICES[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


@each
def test_every_service_says_what_happens_when_it_ends(name: str) -> None:
    assert SERVICES[name]["restart"] in {"no", "on-failure", "unless-stopped"}


@each
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_all_look_for_broker_and_registry_where_redpanda_says_it_is() -> None:
    kafka, registry = _flag("advertise-kafka-addr"), _flag("schema-registry-addr")
    inside = re.search(r"internal://([^,]+)", kafka)
    assert inside is not None
    url = f"http://redpanda:{registry.rsplit(':')[-1]}"

    assert inside[1].startswith("redpanda:")
    for name in SETTINGS:
        environment = SERVICES[name]["environment"]
        assert environment["FRAUD_KAFKA__BOOTSTRAP_SERVERS"] == inside[1]
        assert environment["FRAUD_SCHEMA_REGISTRY__URL"] == url
    assert SERVICES["console"]["environment"]["KAFKA_BROKERS"] == inside[1]
    assert SERVICES["console"]["environment"]["SCHEMAREGISTRY_URLS"] == url


def test_commands_on_this_machine_find_broker_and_registry_by_their_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "FRAUD_SCHEMA_REGISTRY__URL"):
        monkeypatch.delenv(variable, raising=False)
    defaults = load_settings(CoreSettings)
    published = dict(port.rsplit(":", 1)[::-1] for port in SERVICES["redpanda"]["ports"])
    outside = re.search(r"external://([^,]+)", _flag("advertise-kafka-addr"))
    listening = re.search(r"external://[^,]+:(\d+)", _flag("kafka-addr"))
    assert outside is not None
    assert listening is not None

    assert published[listening[1]] == outside[1] == defaults.kafka.bootstrap_servers
    assert f"http://{published['8081']}" == defaults.schema_registry.url


def test_the_detectors_health_is_asked_for_where_it_is_served() -> None:
    port = DetectorSettings().http.port
    service = SERVICES["detector"]

    assert f"http://127.0.0.1:{port}/health" in service["healthcheck"]["test"][-1]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_producer_has_time_to_deliver_what_is_on_its_way() -> None:
    grace = float(SERVICES["producer"]["stop_grace_period"].removesuffix("s"))

    assert grace > ProducerSettings().producer.flush_timeout_s


def _flag(name: str) -> str:
    arguments: list[str] = SERVICES["redpanda"]["command"]
    [value] = [text.split("=", 1)[1] for text in arguments if text.startswith(f"--{name}=")]
    return value
