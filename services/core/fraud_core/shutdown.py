"""How a process is told to end: the first signal asks, the second one insists."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor, and a terminal that is closed."""


@dataclass(frozen=True)
class Shutdown:
    """What has been asked so far.

    Attributes:
        stop: finish what is under way, and end.
        at_once: wait for nothing any more.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    at_once: threading.Event = field(default_factory=threading.Event)


@contextmanager
def on_signals() -> Iterator[Shutdown]:
    """Turn signals into events while the block runs; the third Ctrl-C raises KeyboardInterrupt.

    Events and not exceptions: an exception from a signal may be raised anywhere, in a callback of a C library
    for instance, where it is lost.
    """
    asked = Shutdown()

    def handle(number: int, _: FrameType | None) -> None:
        if asked.at_once.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        (asked.at_once if asked.stop.is_set() else asked.stop).set()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
