"""The directory of one stack: who has it, what is in it, and what it says of the stack that runs."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from fraud_core.errors import ConfigError, StackError
from fraud_local.stack.locks import held, is_held

# Its presence also says that the directory is ours to wipe.
LOCK = ".fraudstream-stack"
STATE = "state.json"
BROKER, REGISTRY, LOGS = "broker", "registry", "logs"
HANDOVER_S = 30.0


@dataclass(frozen=True)
class State:
    """What the process that runs a stack writes down for others."""

    owner: int
    owner_started: float
    command: str
    bootstrap_servers: str
    schema_registry_url: str
    broker_pid: int | None
    registry_pid: int | None
    broker_version: str
    registry_version: str
    started_at: str


@contextmanager
def owned(directory: Path) -> Iterator[int]:
    """Own the directory while the block runs; yields the lock's descriptor.

    Raises:
        ConfigError: it can't be used.
        StackError: another stack has it.
    """
    claim(directory)
    end = time.monotonic() + HANDOVER_S
    while True:
        with held(directory / LOCK, wait=False) as descriptor:
            if descriptor is not None:
                forget_state(directory)  # of a process that crashed
                yield descriptor
                return
        _refuse_if_alive(directory)
        if time.monotonic() > end:
            raise StackError(
                f"{directory} is held by another stack that is still starting or ending. "
                "Try again in some seconds."
            )
        time.sleep(0.1)  # the servers of a process that was killed are ending


def wipe(directory: Path) -> None:
    """Delete all topics, schemas and logs, and nothing that is not ours."""
    for part in (BROKER, REGISTRY, LOGS):
        shutil.rmtree(directory / part, ignore_errors=True)


def write_state(directory: Path, state: State) -> None:
    """Write in one step, so that nobody reads half of it."""
    new = directory / f"{STATE}.new"
    new.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
    new.replace(directory / STATE)


def update_state(directory: Path, state: State) -> None:
    """Write what has changed, unless the stack is still starting or already ending."""
    if (directory / STATE).exists():
        write_state(directory, state)


def forget_state(directory: Path) -> None:
    """From now on nobody is told that the stack runs."""
    (directory / STATE).unlink(missing_ok=True)


def read_state(directory: Path) -> State | None:
    """What runs there; None when nothing does or it is not ready yet."""
    if not is_held(directory / LOCK):
        return None
    try:
        state = State(**json.loads((directory / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if owner(state) is not None else None


def owner(state: State) -> psutil.Process | None:
    """The process that wrote the state, unless it is gone and its number maybe another's."""
    try:
        process = psutil.Process(state.owner)
        same = abs(process.create_time() - state.owner_started) < 1.0
        ended = process.status() == psutil.STATUS_ZOMBIE  # killed, and its parent has not asked yet
    except psutil.Error:
        return None
    return process if same and not ended else None


def me() -> tuple[int, float]:
    """This process, as a state names its owner."""
    return os.getpid(), psutil.Process().create_time()


def claim(directory: Path) -> None:
    """Make the directory and mark it as a stack's.

    Raises:
        ConfigError: it can't be written, or holds something else.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        strange = not (directory / LOCK).exists() and any(directory.iterdir())
        if not strange:
            (directory / LOCK).touch()
    except OSError as error:
        raise ConfigError(
            f"Can't keep the stack's data in {directory}: {error.strerror}. Choose another with --data-dir."
        ) from error
    if strange:
        raise ConfigError(
            f"{directory} is not empty, and what is there is not a stack's. "
            "Choose an empty or a new directory."
        )


def _refuse_if_alive(directory: Path) -> None:
    state = read_state(directory)
    if state is None:
        return
    raise StackError(
        f"A stack already runs on {directory}: `{state.command}` (process {state.owner}), broker "
        f"{state.bootstrap_servers}, registry {state.schema_registry_url}. Use that one, stop it with "
        "`fraudstream stack down`, or choose another directory with --data-dir."
    )
