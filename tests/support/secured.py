"""A stack that can be reached in every secured way at once, with the users and certificates that it knows."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from fraud_local.stack import Stack, ports
from fraud_local.stack.listeners import Listener
from tests.support import registry_front
from tests.support.certificates import Authority, Pair
from tests.support.stack import started

USER = "fraud-worker"
MODULES = "org.apache.kafka.common.security"
SCRAM = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}


@dataclass(frozen=True)
class Secrets:
    """Passwords of this run; none may ever be printed. They hold what breaks naive parsers: `:`, `=`, `,`."""

    kafka: str
    registry: str
    key: str

    def all(self) -> tuple[str, ...]:
        """Each of them."""
        return (self.kafka, self.registry, self.key)


@dataclass(frozen=True)
class Secured:
    """Where to reach it, and with what.

    Attributes:
        brokers: name of the listener -> address; SASL_SSL, SASL_PLAINTEXT, SSL, MUTUAL (which wants the
            certificate of a client) and MISNAMED (whose certificate is another host's).
        registry: name of the front -> URL; LOGIN (TLS, user and password), MUTUAL, MISNAMED.
        ca: who signed the servers' certificates.
        stranger: an authority that nobody here knows.
        client: certificate of a client; its key is encrypted with `secrets.key`.
        foreign: the same, signed by the stranger and not encrypted.
    """

    stack: Stack
    brokers: Mapping[str, str]
    registry: Mapping[str, str]
    secrets: Secrets
    ca: Path
    stranger: Path
    client: Pair
    foreign: Pair


@contextmanager
def secured(directory: Path) -> Iterator[Secured]:
    """Start it, with its users."""
    words = Secrets(*(f"{secrets.token_hex(8)}:=,{end}" for end in "kry"))
    ours, strangers = Authority(directory, "ours"), Authority(directory, "stranger")
    server, elsewhere = ours.pair("127.0.0.1"), ours.pair("elsewhere.example")
    ways = {way.name: way for way in _listeners(server, elsewhere, ours.certificate, words.kafka)}
    with started(directory / "stack", tuple(ways.values())) as stack:
        _add_scram_users(stack.addresses.bootstrap_servers, words.kafka)
        behind = stack.addresses.schema_registry_url
        with (
            registry_front.served(behind, server, login=(USER, words.registry)) as login,
            registry_front.served(behind, server, ca=ours.certificate) as mutual,
            registry_front.served(behind, elsewhere) as misnamed,
        ):
            yield Secured(
                stack,
                {name: way.address for name, way in ways.items()},
                {"LOGIN": login, "MUTUAL": mutual, "MISNAMED": misnamed},
                words,
                ours.certificate,
                strangers.certificate,
                ours.pair("client.example", words.key),
                strangers.pair("client.example"),
            )


def _listeners(server: Pair, elsewhere: Pair, ca: Path, password: str) -> list[Listener]:
    tls, other = _tls(server), _tls(elsewhere)
    mutual = {
        **tls, "ssl.client.auth": "required", "ssl.truststore.type": "PEM", "ssl.truststore.location": str(ca)
    }  # fmt: skip
    sasl = {
        "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM)),
        "plain.sasl.jaas.config": f'{MODULES}.plain.PlainLoginModule required user_{USER}="{password}";',
        **{
            f"{name.lower()}.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;"
            for name in SCRAM
        },
    }
    ways = (
        ("SASL_SSL", "SASL_SSL", tls | sasl),
        ("SASL_PLAINTEXT", "SASL_PLAINTEXT", sasl),
        ("SSL", "SSL", tls),
        ("MUTUAL", "SSL", mutual),
        ("MISNAMED", "SSL", other),
    )
    free = ports.several_free(len(ways))
    return [
        Listener(name, protocol, port, own) for (name, protocol, own), port in zip(ways, free, strict=True)
    ]


def _tls(pair: Pair) -> dict[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(pair.both)}


def _add_scram_users(bootstrap_servers: str, password: str) -> None:
    """As an administrator does it, while the broker runs."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 3})
    wanted = [
        UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), password.encode())
        for mechanism in SCRAM.values()
    ]
    for one in wanted:  # a request may name a user once
        for done in admin.alter_user_scram_credentials([one]).values():
            done.result(30)
