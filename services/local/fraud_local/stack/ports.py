"""Which TCP ports the stack listens on."""

import random
import socket
from collections.abc import Callable

from fraud_core.errors import StackError

HOST = "127.0.0.1"
BROKER = 9092
REGISTRY = 8081
# Below what any system hands out to outgoing connections: a client that keeps trying to reach a stopped
# broker could else be given the broker's own port, and the broker could not come back to it.
FREE = range(20_000, 32_000)
ATTEMPTS = 200


def choose(what: str, usual: int, asked: int | None, flag: str, say: Callable[[str], None]) -> int:
    """The port to listen on: the one that was asked for, or the usual one, or a free one.

    Args:
        what: Who will listen, for messages.
        usual: The port that people expect.
        asked: None takes the usual port if it is free; 0 takes any free one; any other takes exactly that.
        flag: The option that sets `asked`, for messages.
        say: Told when the usual port is taken.

    Raises:
        StackError: the port that was asked for is taken.
    """
    if asked == 0:
        return several_free(1)[0]
    if asked is not None:
        if not is_free(asked):
            raise StackError(
                f"Port {asked} on {HOST} is taken by another program, so the {what} can't listen there. "
                f"Stop that program, or choose another port with {flag} (0 takes any free one)."
            )
        return asked
    if is_free(usual):
        return usual
    chosen = several_free(1)[0]
    say(f"Port {usual} is taken by another program; the {what} listens on {chosen} instead.")
    return chosen


def several_free(count: int) -> list[int]:
    """Different ports that nobody listens on.

    Raises:
        StackError: there are not enough.
    """
    found: list[int] = []
    for port in random.sample(FREE, ATTEMPTS):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise StackError(f"No free port found between {FREE.start} and {FREE.stop} on {HOST}.")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        # Some systems let two programs bind one port, the one to every address and the other to this one.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
