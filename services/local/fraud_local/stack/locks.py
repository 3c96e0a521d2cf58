"""A lock on a file, that the operating system lets go of whatever happens to its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, *, wait: bool) -> Iterator[int | None]:
    """Hold the lock while the block runs.

    Yields its file descriptor, which a child process may inherit to hold the lock on: it is free when the
    last of them is closed. Yields None if another process has it and `wait` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process has the lock now."""
    if not path.exists():
        return False
    with held(path, wait=False) as descriptor:
        return descriptor is None
