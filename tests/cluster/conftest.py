"""A cluster that a person has named for tests, with what stands in for Redpanda on it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fraud_core.settings import CoreSettings, load_settings
from tests.support.certificates import Authority
from tests.support.cluster import Cluster, named
from tests.support.pipeline import Pipeline

REDPANDA = Path(__file__).with_name("redpanda") / "redpanda.yaml"
NAMESPACE = "redpanda"
HOST = "redpanda.redpanda.svc.cluster.local"
KAFKA_FOR_TESTS = 19092
"""The port under which the broker tells its own address to clients outside of the cluster."""
REGISTRY_FOR_TESTS = 8082
"""That of the registry itself, behind what ends TLS for it."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A namespace of Redpanda's name, which must not be there, as it is deleted in the end."""
    one = Cluster(named(), NAMESPACE)
    one.kubectl("create", "namespace", NAMESPACE)
    # What the chart makes has to fit the strictest standard; only Redpanda's stand-in does not, and warns.
    one.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/warn=restricted")
    try:
        yield one
    finally:
        if not os.environ.get("FRAUD_TESTS_KEEP"):
            one.kubectl("delete", "namespace", NAMESPACE, "--timeout=180s")


@pytest.fixture(scope="module")
def redpanda(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with a broker and a registry without TLS, under Redpanda's names and ports."""
    with served(cluster, "PLAINTEXT"):
        yield cluster


@pytest.fixture(scope="module")
def encrypted(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The same with TLS and without passwords, as Redpanda's chart comes."""
    files = tmp_path_factory.mktemp("secrets")
    with secret(cluster, "redpanda-default-cert", certificates(files)), served(cluster, "SSL"):
        yield cluster


@pytest.fixture(scope="module")
def secured(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The same with TLS and SASL; certificates and users in the secrets that k8s/README.md names."""
    files, password = tmp_path_factory.mktemp("secrets"), secrets.token_hex(16)
    words = {"users.txt": f"fraud:{password}:SCRAM-SHA-512\n", "username": "fraud", "password": password}
    words["hmac-key"] = secrets.token_hex(16)
    for name, text in words.items():
        (files / name).write_text(text, encoding="utf-8")
    own = {name: files / name for name in words}
    with (
        secret(cluster, "redpanda-default-cert", certificates(files)),
        # The stand-in asks for passwords wherever it finds them: those that come after have none.
        secret(cluster, "redpanda-users", {"users.txt": own["users.txt"]}),
        secret(cluster, "fraud-kafka", {name: own[name] for name in ("username", "password")}),
        secret(cluster, "fraud-bundles", {"hmac-key": own["hmac-key"]}),
        served(cluster, "SASL_SSL"),
    ):
        yield cluster


def certificates(files: Path) -> dict[str, Path]:
    """What Redpanda's chart puts into its secret: an authority, and a pair for the brokers' names."""
    authority = Authority(files, "redpanda")
    pair = authority.pair(HOST, also=(f"*.{HOST}",))
    return {"ca.crt": authority.certificate, "tls.crt": pair.certificate, "tls.key": pair.key}


@contextmanager
def secret(cluster: Cluster, name: str, items: dict[str, Path]) -> Iterator[None]:
    """A secret of files while the block runs."""
    flags = [f"--from-file={key}={file}" for key, file in items.items()]
    cluster.kubectl("create", "secret", "generic", name, *flags)
    try:
        yield
    finally:
        cluster.kubectl("delete", "secret", name)


@contextmanager
def served(cluster: Cluster, protocol: str) -> Iterator[None]:
    """The stand-in with new data while the block runs."""
    text = REDPANDA.read_text(encoding="utf-8").replace("@PROTOCOL@", protocol)
    cluster.kubectl("apply", "--filename", "-", given=text)
    cluster.rolled_out("statefulset/redpanda")
    yield
    if not os.environ.get("FRAUD_TESTS_KEEP"):
        cluster.kubectl("delete", "statefulset/redpanda", "--timeout=60s")
        cluster.kubectl("wait", "--for=delete", "pod/redpanda-0", "--timeout=60s")


@pytest.fixture(scope="module")
def outside(encrypted: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline's topics, read from outside of the cluster, where nobody needs a certificate."""
    with (
        encrypted.forwarded("pod/redpanda-0", KAFKA_FOR_TESTS, KAFKA_FOR_TESTS) as kafka,
        encrypted.forwarded("pod/redpanda-0", REGISTRY_FOR_TESTS) as registry,
    ):
        settings = load_settings(
            CoreSettings,
            kafka={"bootstrap_servers": f"127.0.0.1:{kafka}"},
            schema_registry={"url": f"http://127.0.0.1:{registry}/apis/ccompat/v7"},
        )
        yield Pipeline(settings, {"FRAUD_PIPELINE": "fraud-detector"}, tmp_path_factory.mktemp("logs"))
