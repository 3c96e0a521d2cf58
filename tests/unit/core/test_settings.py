"""Settings: where they come from, and what a wrong one says."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from fraud_core.cli import overrides
from fraud_core.errors import ConfigError
from fraud_core.fixed_properties import FIXED
from fraud_core.kafka import client_config
from fraud_core.settings import CoreSettings, KafkaSettings, load_settings


def test_the_environment_is_read_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "one:9092")
    monkeypatch.setenv("FRAUD_TOPICS__PREFIX", "blue.")

    settings = load_settings(CoreSettings, **overrides(kafka__bootstrap_servers="two:9092", log__level=None))

    assert settings.kafka.bootstrap_servers == "two:9092"
    assert settings.topics.prefix == "blue."


def test_a_flag_leaves_the_rest_of_its_section_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__SECURITY_PROTOCOL", "SSL")

    settings = load_settings(CoreSettings, **overrides(kafka__bootstrap_servers="two:9093"))

    assert settings.kafka.security_protocol == "SSL"


def test_a_wrong_value_is_refused_with_its_name_value_and_variable() -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(CoreSettings, **overrides(http__port=99_999))

    assert "http.port = '99999': Input should be less than or equal to 65535" in str(refused.value)
    assert "FRAUD_HTTP__PORT" in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"transactions": "fraud_alerts"},
        {"transactions": "a.fraud_labels", "prefix": "a."},
        {"logins": "classified_transactions"},
        {"logins": "transactions"},
    ],
)
def test_an_input_that_is_written_here_or_is_both_inputs_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"would be an input and something else, too.*FRAUD_TOPICS"):
        load_settings(CoreSettings, topics=given)

    apart = load_settings(CoreSettings, topics=given | {"prefix": "b.", "transactions": "payments"})
    assert apart.topics.transactions == "payments"


def test_an_unknown_setting_of_a_section_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVER", "typo:9092")

    with pytest.raises(ConfigError, match=r"kafka\.bootstrap_server"):
        load_settings(CoreSettings)


def test_a_secret_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__SASL_PASSWORD", "hunter2")

    settings = load_settings(CoreSettings)

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_a_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(CoreSettings, kafka={"sasl_password": ["hunter2"]})

    assert "hunter2" not in str(refused.value)


def test_sasl_and_tls_reach_librdkafka_only_where_they_are_on(tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.touch()
    plain = client_config(KafkaSettings(sasl_username="me"))
    secured = client_config(
        KafkaSettings.model_validate(
            {
                "security_protocol": "SASL_SSL",
                "sasl_username": "me",
                "sasl_password": "x",
                "ssl_ca_location": ca,
            }
        )
    )

    assert "sasl.username" not in plain
    assert secured["sasl.password"] == "x"
    assert secured["ssl.ca.location"] == str(ca)


def test_secrets_are_read_from_files_as_kubernetes_mounts_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    for name, secret in (("kafka__sasl_password", "hunter2"), ("schema_registry__password", "hunter3")):
        (tmp_path / "..data" / f"fraud_{name}").write_text(f"{secret}\n")
        (tmp_path / f"fraud_{name}").symlink_to(f"..data/fraud_{name}")
    monkeypatch.setenv("FRAUD_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("FRAUD_KAFKA__SASL_USERNAME", "me")

    settings = load_settings(CoreSettings)

    assert settings.kafka.sasl_username == "me"
    assert settings.kafka.sasl_password == SecretStr("hunter2")
    assert settings.schema_registry.password == SecretStr("hunter3")


def test_a_directory_of_secrets_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_SECRETS_DIR", "/no/such")

    with pytest.raises(ConfigError, match='directory "/no/such" does not exist'):
        load_settings(CoreSettings)


def test_properties_of_the_client_win_and_are_shown_without_their_values() -> None:
    settings = load_settings(
        CoreSettings, kafka={"properties": {"client.id": "mine", "sasl.oauthbearer.client.secret": "hunter2"}}
    )

    assert client_config(settings.kafka)["client.id"] == "mine"
    assert client_config(settings.kafka)["sasl.oauthbearer.client.secret"] == "hunter2"
    assert "sasl.oauthbearer.client.secret" in settings.model_dump_json()
    assert "hunter2" not in settings.model_dump_json() + repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FRAUD_KAFKA__SASL_PASWORD", "hunter2"),
        ("FRAUD_KAFKA__PROPERTIES", '{"sasl.password": ["hunter2"]}'),
        ("FRAUD_KAFKA__PROPERTIES", '{"sasl.password": "hunter2"'),
        ("FRAUD_SCHEMA_REGISTRY__URL", "https://me:hunter2@registry:8081"),
        ("FRAUD_SCHEMA_REGISTRY__URL", "https://me:a/hunter2@registry:8081"),
    ],
)
def test_a_secret_in_a_wrong_place_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigError) as refused:
        load_settings(CoreSettings)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["group.id", "transactional.id", "isolation.level", "partitioner"])
def test_properties_that_deciding_once_rests_on_are_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__PROPERTIES", json.dumps({"linger.ms": "1", name: "hunter2"}))

    with pytest.raises(ConfigError) as refused:
        load_settings(CoreSettings)

    assert f"not to be set here: {name} ({FIXED[name]})" in str(refused.value)
    assert "(set it with FRAUD_KAFKA__PROPERTIES)" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_login_in_the_url_of_the_registry_is_sent_to_settings_of_its_own() -> None:
    with pytest.raises(
        ConfigError, match=r"schema_registry\.username and schema_registry\.password"
    ) as refused:
        load_settings(CoreSettings, schema_registry={"url": "https://me:hunter2@registry:8081"})

    assert "'https://***@registry:8081'" in str(refused.value)


@pytest.mark.parametrize("section", ["kafka", "schema_registry"])
@pytest.mark.parametrize("setting", ["ssl_ca_location", "ssl_certificate_location", "ssl_key_location"])
def test_a_file_of_certificates_that_is_not_there_is_named(section: str, setting: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(CoreSettings, **{section: {setting: "/no/such.pem"}})

    assert f"{section}.{setting} = '/no/such.pem': Value error, there is no such file" in str(refused.value)


def test_a_file_of_variables_gives_what_the_environment_leaves_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "image.env"
    file.write_text("FRAUD_LOG__LEVEL=DEBUG\nFRAUD_TOPICS__PREFIX=green.\n")
    monkeypatch.setenv("FRAUD_ENV_FILE", str(file))
    monkeypatch.setenv("FRAUD_TOPICS__PREFIX", "blue.")

    settings = load_settings(CoreSettings)

    assert settings.log.level == "DEBUG"
    assert settings.topics.prefix == "blue."


def test_one_file_of_variables_serves_commands_that_do_not_know_them_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "image.env"
    file.write_text("FRAUD_MODEL__URL=file:///opt/model\nFRAUD_LOG__LEVEL=DEBUG\n")
    monkeypatch.setenv("FRAUD_ENV_FILE", str(file))

    assert load_settings(CoreSettings).log.level == "DEBUG"


def test_a_file_of_variables_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_ENV_FILE", "/no/such.env")

    with pytest.raises(ConfigError, match=r"There is no file /no/such\.env, which FRAUD_ENV_FILE names"):
        load_settings(CoreSettings)


def test_an_empty_name_means_no_file_of_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_ENV_FILE", "")

    assert load_settings(CoreSettings).log.level == "INFO"
