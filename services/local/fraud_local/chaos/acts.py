"""How each kind of act is done and undone."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from fraud_local.chaos.crew import Crew
from fraud_local.chaos.load import Load
from fraud_local.chaos.plan import Kind
from fraud_local.chaos.poison import Poison
from fraud_local.stack import Stack
from fraud_local.stack.service import Service

HALTS_S = 10.0
POLL_S = 0.05
NO_GROWTH = 1
"""Bytes that a file may have where the disk is full; 0 would not tell a limit from none everywhere."""


@dataclass(frozen=True)
class Ground:
    """What acts are done to."""

    stack: Stack
    crew: Crew
    load: Load
    poison: Poison


Step = Callable[[Ground, str], None]


@dataclass(frozen=True)
class Way:
    """How to do an act to its target, and how to undo it.

    Attributes:
        begin: does it.
        end: undoes it; None where it leaves nothing to undo.
        strikes: whether it hits work in progress, so that it pays to wait for open transactions.
    """

    begin: Step
    end: Step | None = None
    strikes: bool = True


def unfit(kind: Kind) -> str:
    """Why an act can't be done on this machine; empty if it can."""
    if kind is Kind.FILL_DISK and sys.platform != "linux":
        return "only on Linux may one process limit what another writes"
    return ""


def _service(ground: Ground, target: str) -> Service:
    return ground.stack.broker if target == "broker" else ground.stack.registry


def _start_service(ground: Ground, target: str) -> None:
    _service(ground, target).start()


def _fill_disk(ground: Ground, target: str) -> None:
    """Let no file of the server grow, which it meets as it meets a full disk or a quota that is used up."""
    service = _service(ground, target)
    service.check()
    pid = service.pid
    if pid is None:
        return  # it has ended since
    process = psutil.Process(pid)
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (NO_GROWTH, hard))


def _make_room(ground: Ground, target: str) -> None:
    """A broker that can't write gives up by itself; one that has not noticed is let go on."""
    service = _service(ground, target)
    deadline = time.monotonic() + HALTS_S
    while service.running and time.monotonic() < deadline:
        time.sleep(POLL_S)
    service.kill()
    service.start()


WAYS = {
    Kind.KILL_DETECTOR: Way(lambda on, who: on.crew.kill(who), lambda on, who: on.crew.start(who)),
    Kind.PAUSE_DETECTOR: Way(lambda on, who: on.crew.pause(who), lambda on, who: on.crew.wake(who)),
    Kind.PAUSE_DETECTOR_FOR_LONG: Way(lambda on, who: on.crew.pause(who), lambda on, who: on.crew.wake(who)),
    Kind.ADD_DETECTOR: Way(lambda on, who: on.crew.start(who), strikes=False),
    Kind.REMOVE_DETECTOR: Way(lambda on, who: on.crew.remove(who)),
    Kind.STOP_BROKER: Way(lambda on, who: _service(on, who).stop(), _start_service),
    Kind.KILL_BROKER: Way(lambda on, who: _service(on, who).kill(), _start_service),
    Kind.FILL_DISK: Way(_fill_disk, _make_room),
    Kind.STOP_REGISTRY: Way(lambda on, who: _service(on, who).stop(), _start_service, strikes=False),
    Kind.KILL_REGISTRY: Way(lambda on, who: _service(on, who).kill(), _start_service, strikes=False),
    Kind.POISON: Way(lambda on, _: on.load.poison(on.poison.dose()), strikes=False),
}
