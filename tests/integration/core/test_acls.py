"""What docs/security.md lets each service do is enough, where the brokers let nobody do more."""

import re
import secrets
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from fraud_core.kafka import admin_client
from fraud_core.models import fetch_bundle, publish_bundle
from fraud_core.rollouts.records import released
from fraud_core.settings import CoreSettings, TopicSettings, load_settings
from fraud_core.topics import topics
from fraud_local.stack import Stack, ports
from fraud_local.stack.listeners import Listener
from fraud_operator.pipeline.kafka import opened
from fraud_operator.settings import OperatorSettings
from tests.support.bundles import small_bundle
from tests.support.pipeline import Pipeline
from tests.support.stack import started

# Its stack is one more beside the session's: no two of these should run at once.
pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.xdist_group("own-stack")]
PAGE = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\w+) \| (topic|group|transactional id) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
SERVICES = sorted({service for service, *_ in ROWS})
PASSWORD = secrets.token_hex(8)
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "Create": AclOperation.CREATE, "Describe": AclOperation.DESCRIBE, "Alter": AclOperation.ALTER,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS, "Read": AclOperation.READ, "Write": AclOperation.WRITE,
}  # fmt: skip
NAMESPACE = "fraud"
INPUTS = {"transactions": "PREFIXtransactions", "logins": "PREFIXlogins"}
"""With names of their own here, as the stack is several tests'."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str]]:
    """A stack, and where its broker asks who comes and lets nobody do what is not granted."""
    users = " ".join(f'user_{service}="{PASSWORD}"' for service in SERVICES)
    plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
    way = Listener(
        "USERS",
        "SASL_PLAINTEXT",
        ports.several_free(1)[0],
        {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": plain},
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        },
    )
    with started(tmp_path_factory.mktemp("guarded") / "stack", (way,)) as stack:
        yield stack, way.address


def as_user(service: str, address: str) -> dict[str, str]:
    return {
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": address,
        "FRAUD_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "FRAUD_KAFKA__SASL_MECHANISM": "PLAIN",
        "FRAUD_KAFKA__SASL_USERNAME": service,
        "FRAUD_KAFKA__SASL_PASSWORD": PASSWORD,
    }


def grant(settings: CoreSettings, named: Mapping[str, str]) -> None:
    """Give each service what the page says."""
    wanted = []
    for service, kind, names, operations in ROWS:
        for written in re.findall(r"`(.+?)`", names):
            name = INPUTS.get(written, written)
            for word, meaning in named.items():
                name = name.replace(word, meaning)
            how = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
            wanted += [
                AclBinding(
                    KINDS[kind], name.rstrip("*"), how, f"User:{service}", "*", OPERATIONS[operation],
                    AclPermissionType.ALLOW,
                )
                for operation in operations.split(", ")
            ]  # fmt: skip
    admin = admin_client(settings.kafka)  # its futures live as long as it does
    for done in admin.create_acls(wanted).values():
        done.result(30)


@pytest.fixture
def pipeline(guarded: tuple[Stack, str], tmp_path: Path) -> Iterator[Pipeline]:
    """Topics that setup made as a user of its own; the test itself may everything."""
    stack, _ = guarded
    name = f"acl-{uuid.uuid4().hex[:8]}"
    environment = {
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": stack.addresses.bootstrap_servers,
        "FRAUD_SCHEMA_REGISTRY__URL": stack.addresses.schema_registry_url,
        "FRAUD_TOPICS__PREFIX": f"{name}.",
        "FRAUD_TOPICS__TRANSACTIONS": f"{name}.transactions",
        "FRAUD_TOPICS__LOGINS": f"{name}.logins",
        "FRAUD_PIPELINE": name,
        "FRAUD_HTTP__PORT": "0",
    }
    settings = load_settings(
        CoreSettings,
        kafka={"bootstrap_servers": stack.addresses.bootstrap_servers},
        schema_registry={"url": stack.addresses.schema_registry_url},
        topics={"prefix": f"{name}.", "transactions": f"{name}.transactions", "logins": f"{name}.logins"},
    )
    one = Pipeline(settings, environment, tmp_path)
    yield one
    one.close()


def run(pipeline: Pipeline, user: dict[str, str], *command: str) -> str:
    """A command as a user; all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=pipeline.process_environment(**user),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def words(pipeline: Pipeline) -> dict[str, str]:
    """What stands for what on the page."""
    return {"PREFIX": f"{pipeline.name}.", "PIPELINE": pipeline.name, "NAMESPACE": NAMESPACE}


def test_every_service_gets_along_with_what_the_page_lets_it_do(
    pipeline: Pipeline, guarded: tuple[Stack, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, address = guarded
    grant(pipeline.settings, words(pipeline))
    told = run(pipeline, as_user("setup", address) | {"FRAUD_OWNER": "fraud/acl"}, "fraud_local", "setup")
    assert "wrote rollout 1" in told
    pipeline.environment.update(as_user("detector", address))
    detector = pipeline.detector()
    run(pipeline, as_user("producer", address), "fraud_producer", "--profile", "seed", "--count", "50")
    assert pipeline.decisions(50).height == 50
    assert detector.stop() == 0
    assert "AUTHORIZATION" not in detector.log.upper().replace("_", "")

    for variable, value in {**pipeline.environment, **as_user("operator", address)}.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings(OperatorSettings)
    with opened(settings, NAMESPACE) as kafka:
        found = kafka.read()
        assert found.rollout is not None
        assert found.labels is not None
        assert found.partitions == settings.topics.partitions
        assert kafka.write(released(found.rollout, "test"), found.rollout.generation)

    trainer = as_user("trainer", address)
    precision = (
        "fraud_local",
        "trainer",
        "precision",
        "--label-maturity",
        "0s",
        "--decided-from",
        "2026-01-01T00:00:00Z",
    )
    assert '"precision"' in run(pipeline, trainer | {"FRAUD_LOG__FORMAT": "json"}, *precision)
    for variable, value in trainer.items():
        monkeypatch.setenv(variable, value)
    store = f"kafka://{pipeline.topics.models.name}"
    kafka_settings = load_settings(CoreSettings).kafka
    published = publish_bundle(store, small_bundle(), kafka_settings)
    assert fetch_bundle(published.url, published.sha256, kafka_settings).version == published.version

    promote = ("fraud_local", "models", "promote", published.version, "--wait", "0")
    assert published.version in run(pipeline, as_user("models", address), *promote)


def test_the_page_names_every_topic_for_setup() -> None:
    names = {
        name
        for service, kind, found, _ in ROWS
        if (service, kind) == ("setup", "topic")
        for name in re.findall(r"`(.+?)`", found)
    }
    made_ = topics(TopicSettings(prefix="PREFIX", logins="logins")).all()

    assert names == {topic.name for topic in made_} | {"fraud_claims"}
    assert SERVICES == ["detector", "models", "operator", "producer", "setup", "trainer"]
