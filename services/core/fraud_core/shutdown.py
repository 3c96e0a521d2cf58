"""How a process is told to end: the first signal asks, the second one insists."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor, and a terminal that is closed."""
SAME_WITHIN_S = 1.0
"""Signals so close are one: uv, make and timeout pass on what the process, of the same group, has already."""


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
def on_signals(same_within_s: float = SAME_WITHIN_S) -> Iterator[Shutdown]:
    """Turn signals into events while the block runs; the third Ctrl-C raises KeyboardInterrupt.

    Events and not exceptions: an exception from a signal may be raised anywhere, in a callback of a C library
    for instance, where it is lost. A signal within `same_within_s` of one that counted is the same one again.
    """
    asked = Shutdown()
    last = float("-inf")

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last < same_within_s:
            return
        last = time.monotonic()
        if asked.at_once.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        (asked.at_once if asked.stop.is_set() else asked.stop).set()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
