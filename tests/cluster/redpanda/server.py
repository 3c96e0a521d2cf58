"""Runs one server in place of Redpanda's: `broker` or `registry`. Standard library only.

The broker listens as Redpanda's chart has it: 9093 for the cluster, advertised under the pod's own name with
a trailing dot. 19092 is for tests, which reach it by `kubectl port-forward` and so as 127.0.0.1.

Variables: PROTOCOL (PLAINTEXT, SSL, SASL_SSL) of the port for the cluster, ADVERTISED (host of it), and for
SASL the files of Redpanda's own secret: /etc/users/users.txt with lines of name:password:mechanism.
"""

import os
import subprocess
import sys
from pathlib import Path

OPT = Path("/opt")
DATA = Path("/data")
USERS = Path("/etc/users/users.txt")
CERTIFICATES = Path("/etc/tls")
JAVA = (str(OPT / "java/bin/java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def main() -> None:
    """Become the server that the first argument names."""
    {"broker": broker, "registry": registry}[sys.argv[1]]()


def broker() -> None:
    """Apache Kafka, one node; formats its storage where it is new."""
    text = (OPT / "broker.properties").read_text(encoding="ascii")
    settings = DATA / "server.properties"
    settings.write_text(
        text.replace("@LISTENERS@", "\n".join(_listeners())).replace("@CONTROLLER_PORT@", "9099"),
        encoding="ascii",
    )
    logging = f"-Dlog4j2.configurationFile={OPT / 'broker.log4j2.properties'}"
    kafka = (*JAVA, "-Xmx640m", logging, "-cp", str(OPT / "broker/*"))
    os.chdir(DATA)
    if not (DATA / "data" / "meta.properties").exists():
        scram = [flag for user in _users() for flag in ("--add-scram", user)]
        # Kafka's ids are 16 bytes in base64 of URLs.
        where = ("-t", "Frauds-of-a-test-cluste", "-c", str(settings))
        subprocess.run([*kafka, "kafka.tools.StorageTool", "format", *where, *scram], check=True)
    os.execv(kafka[0], [*kafka, "kafka.Kafka", str(settings)])  # noqa: S606 - becomes the server


def registry() -> None:
    """Apicurio Registry in memory, for the front alone."""
    [jar] = (OPT / "registry").glob("*-runner.jar")
    os.chdir(DATA)
    options = (
        "-Xmx384m",
        "-Dquarkus.http.host=127.0.0.1",
        "-Dquarkus.http.port=8082",
        "-Dquarkus.log.level=WARN",
        "-Dapicurio.storage.kind=sql",
        "-Dapicurio.storage.sql.kind=h2",
        "-Dapicurio.datasource.url=jdbc:h2:file:/data/schemas;WRITE_DELAY=0",
        "-Dapicurio.ccompat.max-subjects=100000",
    )
    os.execv(JAVA[0], [*JAVA, *options, "-jar", str(jar)])  # noqa: S606 - becomes the server


def _listeners() -> list[str]:
    protocol = os.environ.get("PROTOCOL", "PLAINTEXT")
    lines = [
        "listeners=CLUSTER://:9093,TESTS://:19092,CONTROLLER://127.0.0.1:9099",
        f"advertised.listeners=CLUSTER://{os.environ['ADVERTISED']}:9093,TESTS://127.0.0.1:19092",
        f"listener.security.protocol.map=CLUSTER:{protocol},TESTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name=TESTS",
    ]
    if _tls():
        lines += [
            "listener.name.cluster.ssl.keystore.type=PEM",
            f"listener.name.cluster.ssl.keystore.location={DATA}/keystore.pem",
        ]
        pair = [(CERTIFICATES / name).read_text(encoding="ascii") for name in ("tls.key", "tls.crt")]
        (DATA / "keystore.pem").write_text("".join(pair), encoding="ascii")
    if protocol.startswith("SASL"):
        lines += [
            "listener.name.cluster.sasl.enabled.mechanisms=SCRAM-SHA-512",
            f"listener.name.cluster.scram-sha-512.sasl.jaas.config={SCRAM}",
        ]
    return lines


def _tls() -> bool:
    return os.environ.get("PROTOCOL", "").endswith("SSL")


def _users() -> list[str]:
    """As `kafka-storage format` takes them."""
    lines = USERS.read_text(encoding="utf-8").split() if USERS.exists() else []
    fields = (line.split(":") for line in lines)
    return [f"{mechanism}=[name={name},password={password}]" for name, password, mechanism in fields]


if __name__ == "__main__":
    main()
