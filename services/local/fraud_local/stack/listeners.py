"""More ways into the broker than the plain one that the stack itself uses: with TLS, with SASL, with both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fraud_local.stack.ports import HOST

PLAIN = "PLAINTEXT"
"""Name and protocol of the listener that is always there."""


@dataclass(frozen=True)
class Listener:
    """One more way into the broker.

    Attributes:
        name: Kafka's name for it, in capitals; tells it from others of the same protocol.
        protocol: SSL, SASL_PLAINTEXT or SASL_SSL.
        port: Where clients reach it.
        settings: Broker settings that hold for this listener alone, such as `ssl.client.auth`.
        broker: Broker settings that come with it and hold for all, such as an authorizer.
    """

    name: str
    protocol: str
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    broker: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What clients are given as bootstrap server."""
        return f"{HOST}:{self.port}"


def properties(port: int, controller_port: int, more: Iterable[Listener] = ()) -> str:
    """The lines of server.properties that say where the broker listens, and how."""
    clients = (Listener(PLAIN, PLAIN, port), *more)
    advertised = [f"{one.name}://{one.address}" for one in clients]
    lines = [
        f"listeners={','.join([*advertised, f'CONTROLLER://{HOST}:{controller_port}'])}",
        f"advertised.listeners={','.join(advertised)}",
        "listener.security.protocol.map="
        + ",".join([*(f"{one.name}:{one.protocol}" for one in clients), f"CONTROLLER:{PLAIN}"]),
        f"inter.broker.listener.name={PLAIN}",
    ]
    lines += [
        f"listener.name.{one.name.lower()}.{name}={value}"
        for one in clients
        for name, value in one.settings.items()
    ]
    lines += [f"{name}={value}" for one in clients for name, value in one.broker.items()]
    return "\n".join(lines)
