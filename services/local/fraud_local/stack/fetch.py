"""Fetches files of a Maven repository, several at once, and believes none before its digest is right."""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fraud_core.errors import StackError
from fraud_local.stack.artefacts import Artefact
from fraud_local.stack.progress import Advance

MIRROR_VARIABLE = "FRAUD_MAVEN_URL"
ATTEMPTS = 3
CONNECTIONS = 4
TIMEOUT_S = 15


class _AbandonedError(Exception):
    """Another file failed, or the person pressed Ctrl-C: stop in the middle."""


def fetched(artefacts: list[Artefact], scratch: Path, advance: Advance) -> Iterator[tuple[Artefact, Path]]:
    """Fetch into `scratch`; yields each file when it is there and right.

    Raises:
        StackError: a file can't be had.
        OSError: the disk is full.
    """
    abandoned = threading.Event()
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="download") as pool:
        tasks: list[Future[Path]] = [
            pool.submit(_fetch, one, scratch, advance, abandoned) for one in artefacts
        ]
        try:
            for artefact, task in zip(artefacts, tasks, strict=True):
                yield artefact, task.result()
        finally:
            abandoned.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _fetch(artefact: Artefact, scratch: Path, advance: Advance, abandoned: threading.Event) -> Path:
    for _ in range(ATTEMPTS - 1):
        try:
            return _attempt(artefact, scratch, advance, abandoned)
        except (OSError, RuntimeError) as error:
            if is_disk_full(error):
                raise
    try:
        return _attempt(artefact, scratch, advance, abandoned)
    except (OSError, RuntimeError) as error:
        if is_disk_full(error):
            raise
        raise _cannot_fetch(artefact, error) from error


def _attempt(artefact: Artefact, scratch: Path, advance: Advance, abandoned: threading.Event) -> Path:
    counted = 0

    def count(size: int) -> None:
        nonlocal counted
        if abandoned.is_set():
            raise _AbandonedError
        counted += size
        advance(size)

    wanted = _wanted(artefact, scratch, count)
    # What a failed attempt left would pass for the whole.
    Path(wanted.cached_path).unlink(missing_ok=True)
    try:
        path = Path(wanted.resolve())
        _verify(path, artefact)
    except BaseException:
        advance(-counted)
        raise
    return path


def _wanted(artefact: Artefact, scratch: Path, count: Advance) -> Any:  # noqa: ANN401 - jgo publishes no types
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - slow, and only a first run needs it

    @contextmanager
    def progress(_name: str, _size: int) -> Iterator[Advance]:
        yield count

    mirror = os.environ.get(MIRROR_VARIABLE)
    context = MavenContext(
        resolver=PythonResolver(progress_callback=progress),
        repo_cache=scratch / "repository",
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=TIMEOUT_S,
    )
    group, name, version, packaging, classifier = artefact.coordinate.split(":")
    component = context.project(group, name).at_version(version)
    return component.artifact(classifier=classifier, packaging=packaging)


def _verify(path: Path, artefact: Artefact) -> None:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != artefact.sha256:
        size = path.stat().st_size
        raise RuntimeError(f"got {size:,} bytes that are not the {artefact.size:,} expected (sha256 differs)")


def is_disk_full(error: BaseException) -> bool:
    """Whether no attempt can help until there is room."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def _cannot_fetch(artefact: Artefact, error: Exception) -> StackError:
    return StackError(
        f"Could not download {artefact.file}, a part of the embedded broker and registry: {error}. Check the "
        f"network, and HTTPS_PROXY if you need a proxy; {MIRROR_VARIABLE} names a Maven mirror. What has "
        "arrived is kept, so run the command again. Or use a cluster of your own with --bootstrap-servers "
        "and --schema-registry-url."
    )
