"""Where the embedded broker listens, as lines of its settings."""

from fraud_local.stack.listeners import Listener, properties


def test_without_more_there_are_the_plain_listener_and_the_controllers() -> None:
    assert properties(9092, 9093).splitlines() == [
        "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093",
        "advertised.listeners=PLAINTEXT://127.0.0.1:9092",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name=PLAINTEXT",
    ]


def test_two_listeners_of_one_protocol_have_settings_of_their_own() -> None:
    one = Listener("OPEN", "SSL", 1001)
    other = Listener("MUTUAL", "SSL", 1002, {"ssl.client.auth": "required"})

    lines = properties(9092, 9093, (one, other)).splitlines()

    assert (
        "advertised.listeners=PLAINTEXT://127.0.0.1:9092,OPEN://127.0.0.1:1001,MUTUAL://127.0.0.1:1002"
        in lines
    )
    assert (
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OPEN:SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT" in lines
    )
    assert [line for line in lines if line.startswith("listener.name.")] == [
        "listener.name.mutual.ssl.client.auth=required"
    ]
