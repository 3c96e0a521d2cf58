"""Which ports the stack takes."""

import socket
from collections.abc import Iterator

import pytest

from fraud_core.errors import StackError
from fraud_local.stack import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield int(server.getsockname()[1])


def test_the_usual_port_is_taken_if_it_is_free() -> None:
    (usual,) = ports.several_free(1)

    assert ports.choose("broker", usual, None, "--port", pytest.fail) == usual


def test_a_free_port_replaces_the_usual_one_and_that_is_said(taken: int) -> None:
    said: list[str] = []

    chosen = ports.choose("broker", taken, None, "--port", said.append)

    assert chosen in ports.FREE
    assert said == [f"Port {taken} is taken by another program; the broker listens on {chosen} instead."]


def test_a_port_that_was_asked_for_is_never_replaced(taken: int) -> None:
    with pytest.raises(StackError, match=rf"Port {taken} on 127.0.0.1 is taken .*--port \(0 takes"):
        ports.choose("broker", ports.BROKER, taken, "--port", pytest.fail)


def test_zero_takes_any_free_port() -> None:
    assert ports.is_free(ports.choose("broker", ports.BROKER, 0, "--port", pytest.fail))


def test_a_server_on_every_address_makes_its_port_taken() -> None:
    with socket.create_server(("", 0)) as server:
        assert not ports.is_free(int(server.getsockname()[1]))


def test_several_free_ports_differ() -> None:
    assert len(set(ports.several_free(5))) == 5
