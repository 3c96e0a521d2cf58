"""TLS, certificates of clients, and passwords: what gets in, and what is said where something does not."""

import logging
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.kafka import client_config, partition_counts
from fraud_core.registry import Registry
from fraud_core.settings import CoreSettings, load_settings
from tests.support import forked
from tests.support.pipeline import Pipeline, transactions
from tests.support.pipeline import pipeline as made
from tests.support.secured import USER, Secured, secured

# Its stack is one more beside the session's: no two of these should run at once.
pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.xdist_group("own-stack")]

WRONG = "wrong-hunter2"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
GUIDE = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)
MAPPING = "transaction_id=transaction_id,user=user,amount=amount,timestamp=timestamp"
COMMANDS = {
    "setup": ("fraud_local", "setup"),
    "producer": ("fraud_producer", "--profile", "seed", "--count", "1"),
    "detector": ("fraud_detector",),
    "topics list": ("fraud_local", "topics", "list"),
    "topics tail": ("fraud_local", "topics", "tail", "fraud_alerts"),
    "dlq list": ("fraud_local", "dlq", "list"),
    "try": ("fraud_local", "try", "--user", "u", "--amount", "5"),
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("secured")) as one:
        yield one


@pytest.fixture
def access(here: Secured) -> dict[str, str]:
    """Variables that let a command in: SCRAM over TLS, and a registry behind TLS that wants a password."""
    return {
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": here.brokers["SASL_SSL"],
        "FRAUD_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "FRAUD_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "FRAUD_KAFKA__SASL_USERNAME": USER,
        "FRAUD_KAFKA__SASL_PASSWORD": here.secrets.kafka,
        "FRAUD_KAFKA__SSL_CA_LOCATION": str(here.ca),
        "FRAUD_SCHEMA_REGISTRY__URL": here.registry["LOGIN"],
        "FRAUD_SCHEMA_REGISTRY__USERNAME": USER,
        "FRAUD_SCHEMA_REGISTRY__PASSWORD": here.secrets.registry,
        "FRAUD_SCHEMA_REGISTRY__SSL_CA_LOCATION": str(here.ca),
    }


@pytest.fixture
def pipeline(access: dict[str, str], tmp_path: Path) -> Iterator[Pipeline]:
    """Topics on the secured stack; its processes find their passwords in files."""
    brokers, registry = access["FRAUD_KAFKA__BOOTSTRAP_SERVERS"], access["FRAUD_SCHEMA_REGISTRY__URL"]
    with made(brokers, registry, tmp_path, access=access) as one:
        directory = tmp_path / "secrets"
        directory.mkdir()
        for name in [name for name in one.environment if name.endswith("PASSWORD")]:
            (directory / name.lower()).write_text(f"{one.environment.pop(name)}\n")
        one.environment["FRAUD_SECRETS_DIR"] = str(directory)
        yield one


def ran(variables: Mapping[str, str], *command: str, here: Path) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; the limit is far below the 300 s for which a broker is waited for."""
    return forked.ended(*command, environment={**os.environ, "FRAUD_HTTP__PORT": "0", **variables}, here=here)


def only_message(ended: subprocess.CompletedProcess[str]) -> str:
    """The error that a command ended with, having said before only what it was about to do."""
    assert ended.returncode == 2, ended.stderr
    *before, last = ended.stderr.splitlines()
    assert last.startswith("error: ")
    assert [line for line in before if "[info " not in line and "no_model" not in line] == []
    return last


def kafka(**settings: object) -> CoreSettings:
    return load_settings(CoreSettings, kafka=settings)


def refusal(**settings: object) -> str:
    with pytest.raises(ConfigError) as refused:
        partition_counts(kafka(**settings).kafka)
    return str(refused.value)


def registry(**settings: object) -> Registry:
    return Registry(load_settings(CoreSettings, schema_registry=settings).schema_registry)


def registry_refusal(**settings: object) -> str:
    with pytest.raises(ConfigError) as refused:
        registry(**settings).subjects()
    return str(refused.value)


def test_transactions_are_decided_over_scram_tls_and_a_registry_with_a_password(
    here: Secured, pipeline: Pipeline, tmp_path: Path
) -> None:
    variables = pipeline.process_environment()
    history = tmp_path / "history.csv"
    transactions(0, 40).write_csv(history)

    set_up = ran(variables, "fraud_local", "setup", here=tmp_path)
    produced = ran(variables, "fraud_producer", "--input", str(history), "--map", MAPPING, here=tmp_path)
    assert produced.returncode == 0, produced.stderr
    detector = pipeline.detector(ERRORS__TOLERANCE="none")
    decided = pipeline.decisions(40)
    tried = ran(variables, "fraud_local", "try", "--user", "u1", "--amount", "900", here=tmp_path)
    tailed = ran(variables, "fraud_local", "topics", "tail", "fraud_alerts", "-n", "1", here=tmp_path)

    assert detector.stop() == 0
    assert sorted(decided["transaction_id"]) == sorted(f"t{number}" for number in range(40))
    for ended, words in ((set_up, "Nothing to do"), (tried, "High amount"), (tailed, "High amount")):
        assert ended.returncode == 0, ended.stderr
        assert words in ended.stdout
    said = [detector.log, *(one.stdout + one.stderr for one in (set_up, produced, tried, tailed))]
    assert [secret for secret in here.secrets.all() if any(secret in text for text in said)] == []


def test_the_demo_runs_on_a_cluster_with_passwords(
    here: Secured, access: dict[str, str], tmp_path: Path, topic_prefix: str
) -> None:
    demo = ran(
        {**access, "FRAUD_TOPICS__TRANSACTIONS": f"{topic_prefix}transactions"},
        *("fraud_local", "demo", "--headless", "--profile", "seed", "--duration", "5"),
        *("--bootstrap-servers", here.brokers["SASL_SSL"], "--schema-registry-url", here.registry["LOGIN"]),
        *("--topic-prefix", topic_prefix, "--data-dir", str(tmp_path / "data")),
        here=tmp_path,
    )

    assert demo.returncode == 0, demo.stderr
    logs = [path.read_text() for path in tmp_path.rglob("*.log")]
    assert logs
    for secret in here.secrets.all():
        assert not any(secret in text for text in (demo.stdout, demo.stderr, *logs))


@pytest.mark.parametrize(("number", "way", "password"), [
    (0, "SASL_SSL", "kafka"), (1, "MUTUAL", "key"), (2, "LOGIN", "registry"), (3, "MUTUAL", "key"),
])  # fmt: skip
def test_settings_of_the_documentation_get_in(
    here: Secured, monkeypatch: pytest.MonkeyPatch, number: int, way: str, password: str
) -> None:
    places = {
        "/etc/fraudstream/ca.crt": str(here.ca),
        "/etc/fraudstream/tls.crt": str(here.client.certificate),
        "/etc/fraudstream/tls.key": str(here.client.key),
        "secret": getattr(here.secrets, password),
    }
    for line in BLOCKS[number].splitlines():
        name, value = line.removeprefix("export ").split("=", 1)
        monkeypatch.setenv(name, places.get(value, value))
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", here.brokers.get(way, ""))
    monkeypatch.setenv("FRAUD_SCHEMA_REGISTRY__URL", here.registry.get(way, "http://nowhere"))

    settings = load_settings(CoreSettings)

    if "FRAUD_KAFKA__" in BLOCKS[number]:
        partition_counts(settings.kafka)
    else:
        Registry(settings.schema_registry).subjects()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_password_opens_the_broker_with_tls_and_without(here: Secured, mechanism: str) -> None:
    login = {"sasl_mechanism": mechanism, "sasl_username": USER, "sasl_password": here.secrets.kafka}
    over_tls = kafka(
        bootstrap_servers=here.brokers["SASL_SSL"],
        security_protocol="SASL_SSL",
        ssl_ca_location=here.ca,
        **login,
    )
    open_ = kafka(
        bootstrap_servers=here.brokers["SASL_PLAINTEXT"], security_protocol="SASL_PLAINTEXT", **login
    )

    assert partition_counts(over_tls.kafka) == partition_counts(open_.kafka)


def test_tls_alone_opens_a_broker_that_asks_for_nothing_more(here: Secured) -> None:
    partition_counts(
        kafka(bootstrap_servers=here.brokers["SSL"], security_protocol="SSL", ssl_ca_location=here.ca).kafka
    )


def test_a_certificate_with_a_locked_key_opens_broker_and_registry(here: Secured) -> None:
    ours = {
        "ssl_ca_location": here.ca,
        "ssl_certificate_location": here.client.certificate,
        "ssl_key_location": here.client.key,
        "ssl_key_password": here.secrets.key,
    }

    partition_counts(kafka(bootstrap_servers=here.brokers["MUTUAL"], security_protocol="SSL", **ours).kafka)
    registry(url=here.registry["MUTUAL"], **ours).subjects()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_not_even_the_most_talkative_client_logs_a_secret(
    here: Secured, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = kafka(
        bootstrap_servers=here.brokers["SASL_SSL"], security_protocol="SASL_SSL", ssl_ca_location=here.ca,
        sasl_mechanism=mechanism, sasl_username=USER, sasl_password=here.secrets.kafka,
        ssl_certificate_location=here.client.certificate, ssl_key_location=here.client.key,
        ssl_key_password=here.secrets.key, properties={"debug": "all"},
    )  # fmt: skip
    login = {"username": USER, "password": here.secrets.registry}

    with closing(Consumer({**client_config(settings.kafka), "group.id": "talkative"})) as consumer:
        consumer.list_topics(timeout=10)
        consumer.poll(0.1)
    registry(url=here.registry["LOGIN"], ssl_ca_location=here.ca, **login).subjects()

    assert "sasl.password = [redacted]" in caplog.text
    assert [secret for secret in here.secrets.all() if secret in caplog.text] == []
    assert b64encode(":".join(login.values()).encode()).decode() not in caplog.text


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("user", [USER, "nobody"])
def test_a_wrong_password_and_an_unknown_user_are_refused_by_the_broker(
    here: Secured, mechanism: str, user: str
) -> None:
    told = refusal(
        bootstrap_servers=here.brokers["SASL_PLAINTEXT"],
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_username=user,
        sasl_password=WRONG,
    )

    assert f"The Kafka broker at {here.brokers['SASL_PLAINTEXT']} refuses the user {user} (" in told
    assert f"FRAUD_KAFKA__SASL_USERNAME ({user}), FRAUD_KAFKA__SASL_PASSWORD" in told
    assert WRONG not in told


def test_a_user_without_a_password_is_told_which_setting_is_missing() -> None:
    told = refusal(security_protocol="SASL_PLAINTEXT", sasl_username=USER)

    assert "FRAUD_KAFKA__SASL_PASSWORD" in told


@pytest.mark.parametrize(("way", "ca", "objection"), [
    ("SSL", "stranger", "unable to get local issuer certificate"),
    ("SSL", None, "unable to get local issuer certificate"),
    ("MISNAMED", "ca", "certificate is not valid for '127.0.0.1'"),
])  # fmt: skip
def test_a_broker_that_is_not_who_it_says_is_not_trusted(
    here: Secured, way: str, ca: str | None, objection: str
) -> None:
    authority = getattr(here, ca) if ca else None

    told = refusal(bootstrap_servers=here.brokers[way], security_protocol="SSL", ssl_ca_location=authority)

    assert f"The certificate of the Kafka broker at {here.brokers[way]} is not trusted" in told
    assert objection in told
    assert f"Check FRAUD_KAFKA__SSL_CA_LOCATION ({authority or 'not set'})" in told


@pytest.mark.parametrize("foreign", [True, False])
def test_a_broker_that_wants_a_certificate_says_so(here: Secured, foreign: bool) -> None:  # noqa: FBT001
    pair = (
        {"ssl_certificate_location": here.foreign.certificate, "ssl_key_location": here.foreign.key}
        if foreign
        else {}
    )

    told = refusal(
        bootstrap_servers=here.brokers["MUTUAL"], security_protocol="SSL", ssl_ca_location=here.ca, **pair
    )

    assert (
        f"The Kafka broker at {here.brokers['MUTUAL']} wants a certificate of ours that it can trust" in told
    )
    assert (
        f"FRAUD_KAFKA__SSL_CERTIFICATE_LOCATION ({here.foreign.certificate if foreign else 'not set'})"
        in told
    )


@pytest.mark.parametrize("password", [WRONG, None])
def test_a_key_that_cannot_be_unlocked_is_told_with_its_settings(here: Secured, password: str | None) -> None:
    ours = {
        "ssl_certificate_location": here.client.certificate,
        "ssl_key_location": here.client.key,
        "ssl_key_password": password,
    }

    of_broker = refusal(security_protocol="SSL", **ours)
    of_registry = registry_refusal(url=here.registry["MUTUAL"], **ours)

    assert "FRAUD_KAFKA__SSL_KEY_LOCATION and FRAUD_KAFKA__SSL_KEY_PASSWORD" in of_broker
    assert "FRAUD_SCHEMA_REGISTRY__SSL_KEY_PASSWORD" in of_registry
    assert WRONG not in of_broker + of_registry


def test_a_file_that_holds_no_certificate_is_told_with_its_setting(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()

    assert "FRAUD_KAFKA__SSL_CA_LOCATION" in refusal(security_protocol="SSL", ssl_ca_location=empty)
    assert f"FRAUD_SCHEMA_REGISTRY__SSL_CA_LOCATION ({empty})" in registry_refusal(ssl_ca_location=empty)


def test_a_port_that_takes_no_passwords_is_told_apart_from_a_wrong_password(here: Secured) -> None:
    told = refusal(
        bootstrap_servers=here.brokers["SSL"],
        security_protocol="SASL_SSL",
        ssl_ca_location=here.ca,
        sasl_username=USER,
        sasl_password=here.secrets.kafka,
    )

    assert "FRAUD_KAFKA__SECURITY_PROTOCOL (SASL_SSL): does this port take SASL?" in told


def test_a_broker_that_closes_connections_is_waited_for_but_the_protocol_is_doubted(here: Secured) -> None:
    with pytest.raises(UnavailableError) as waited:
        partition_counts(kafka(bootstrap_servers=here.brokers["SASL_SSL"]).kafka)

    assert "does this port take FRAUD_KAFKA__SECURITY_PROTOCOL (PLAINTEXT)?" in str(waited.value)


def test_a_secured_broker_that_is_down_is_waited_for(here: Secured) -> None:
    settings = kafka(
        bootstrap_servers="127.0.0.1:1", security_protocol="SASL_SSL", ssl_ca_location=here.ca,
        sasl_username=USER, sasl_password=WRONG,
    )  # fmt: skip

    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 .*Connection refused"):
        partition_counts(settings.kafka)


@pytest.mark.parametrize("login", [{"username": USER, "password": WRONG}, {"username": USER}, {}])
def test_a_wrong_or_missing_password_is_refused_by_the_registry(here: Secured, login: dict[str, str]) -> None:
    told = registry_refusal(url=here.registry["LOGIN"], ssl_ca_location=here.ca, **login)

    assert f"The schema registry at {here.registry['LOGIN']} refuses us (401 Unauthorized)" in told
    assert f"FRAUD_SCHEMA_REGISTRY__USERNAME ({login.get('username', 'not set')})" in told
    assert WRONG not in told


@pytest.mark.parametrize(("way", "ca", "objection"), [
    ("LOGIN", "stranger", "unable to get local issuer certificate"),
    ("LOGIN", None, "unable to get local issuer certificate"),
    ("MISNAMED", "ca", "certificate is not valid for '127.0.0.1'"),
])  # fmt: skip
def test_a_registry_that_is_not_who_it_says_is_not_trusted(
    here: Secured, way: str, ca: str | None, objection: str
) -> None:
    authority = getattr(here, ca) if ca else None

    told = registry_refusal(url=here.registry[way], ssl_ca_location=authority)

    assert f"The certificate of the schema registry at {here.registry[way]} is not trusted" in told
    assert objection in told
    assert f"FRAUD_SCHEMA_REGISTRY__SSL_CA_LOCATION ({authority or 'not set'})" in told


def test_a_registry_that_wants_a_certificate_says_so(here: Secured) -> None:
    foreign = {"ssl_certificate_location": here.foreign.certificate, "ssl_key_location": here.foreign.key}
    where = {"url": here.registry["MUTUAL"], "ssl_ca_location": here.ca}

    for told in (registry_refusal(**where), registry_refusal(**where, **foreign)):
        assert f"The schema registry at {where['url']} wants a certificate of ours that it can trust" in told
        assert "FRAUD_SCHEMA_REGISTRY__SSL_CERTIFICATE_LOCATION" in told


def test_a_registry_that_speaks_no_tls_says_so(here: Secured) -> None:
    url = here.stack.addresses.schema_registry_url.replace("http:", "https:")

    assert "does this port take HTTPS?" in registry_refusal(url=url)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_at_once_with_one_message_about_a_wrong_password(
    access: dict[str, str], tmp_path: Path, command: str
) -> None:
    access["FRAUD_KAFKA__SASL_PASSWORD"] = WRONG

    ended = ran(access, *COMMANDS[command], here=tmp_path)

    told = only_message(ended)
    assert f"The Kafka broker at {access['FRAUD_KAFKA__BOOTSTRAP_SERVERS']} refuses the user {USER}" in told
    assert WRONG not in ended.stdout + ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_with_one_message_about_settings_that_make_no_client(
    access: dict[str, str], tmp_path: Path, command: str
) -> None:
    del access["FRAUD_KAFKA__SASL_PASSWORD"]

    ended = ran(access, *COMMANDS[command], here=tmp_path)

    assert "Check FRAUD_KAFKA__SASL_USERNAME and FRAUD_KAFKA__SASL_PASSWORD." in only_message(ended)


@pytest.mark.parametrize("command", ["setup", "topics list"])
def test_commands_end_with_one_message_about_a_wrong_password_of_the_registry(
    access: dict[str, str], tmp_path: Path, topic_prefix: str, command: str
) -> None:
    wrong = {
        "FRAUD_SCHEMA_REGISTRY__PASSWORD": WRONG,
        "FRAUD_TOPICS__PREFIX": topic_prefix,
        "FRAUD_TOPICS__TRANSACTIONS": f"{topic_prefix}transactions",
    }

    ended = ran({**access, **wrong}, *COMMANDS[command], here=tmp_path)

    assert "refuses us (401 Unauthorized)" in only_message(ended)
    assert WRONG not in ended.stdout + ended.stderr


@pytest.mark.parametrize("command", ["producer", "detector"])
def test_services_end_with_one_message_about_a_wrong_password_of_the_registry(
    pipeline: Pipeline, tmp_path: Path, command: str
) -> None:
    variables = pipeline.process_environment(FRAUD_SCHEMA_REGISTRY__PASSWORD=WRONG)

    ended = ran(variables, *COMMANDS[command], here=tmp_path)

    assert "refuses us (401 Unauthorized)" in only_message(ended)
    assert WRONG not in ended.stdout + ended.stderr
