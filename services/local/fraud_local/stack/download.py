"""Gets the pinned components, once, so that nothing half-done is ever trusted.

A file arrives in a directory of its own run, is verified there, and only then moved to its place in one
step. What an interrupted run left is swept by the next; what it had finished is kept.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fraud_core.errors import StackError
from fraud_local.stack import progress
from fraud_local.stack.artefacts import MEGABYTE, Artefact, Component
from fraud_local.stack.fetch import fetched
from fraud_local.stack.locks import held
from fraud_local.stack.places import CACHE_VARIABLE

UNPACKED = 2.5  # disk space for a byte of download: the archive, its content and the start-up caches
SCRATCH = "download-"

Say = Callable[[str], None]
Parts = Mapping[str, Component]


def ensure(cache: Path, parts: Parts, say: Say) -> dict[str, Path]:
    """Directories of all components, by key, after downloading what is missing.

    Raises:
        StackError: something can't be fetched or stored.
    """
    places = {key: cache / part.directory for key, part in parts.items()}
    if _missing(parts, places):
        with storing(cache), held(cache / "lock", wait=False) as mine:
            if mine is not None:
                _fetch_missing(cache, parts, places, say)
                return places
        say("Another process is downloading the embedded broker and registry; waiting for it.")
        with storing(cache), held(cache / "lock", wait=True):
            _fetch_missing(cache, parts, places, say)
    return places


@contextmanager
def storing(cache: Path) -> Iterator[None]:
    """Say what to do when the cache can't be written.

    Raises:
        StackError: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        raise StackError(
            f"Can't store the embedded broker and registry in {cache}: {error.strerror or error}. "
            f"Make room there, or set {CACHE_VARIABLE} to another directory."
        ) from error


def _missing(parts: Parts, places: dict[str, Path]) -> dict[str, list[Artefact]]:
    wanted = {key: _wanted(part, places[key]) for key, part in parts.items()}
    return {key: several for key, several in wanted.items() if several}


def _wanted(component: Component, place: Path) -> list[Artefact]:
    if _is_archive(component):
        return [] if place.is_dir() else list(component.artefacts)  # it is moved there as a whole
    return [one for one in component.artefacts if not _arrived(one, place)]


def _is_archive(component: Component) -> bool:
    return component.artefacts[0].file.endswith(".tar.gz")


def _arrived(artefact: Artefact, place: Path) -> bool:
    path = place / artefact.file
    return path.is_file() and path.stat().st_size == artefact.size


def _fetch_missing(cache: Path, parts: Parts, places: dict[str, Path], say: Say) -> None:
    for left in cache.glob(f"{SCRATCH}*"):
        shutil.rmtree(left)
    missing = _missing(parts, places)
    total = sum(artefact.size for several in missing.values() for artefact in several)
    if total == 0:
        return  # another process has just done it
    _announce(cache, parts, missing, total, say)
    with _scratch(cache) as scratch, progress.shown(total) as advance:
        for key, several in missing.items():
            for artefact, arrived in fetched(several, scratch, advance):
                _place(arrived, artefact, places[key], scratch)


def _announce(cache: Path, parts: Parts, missing: dict[str, list[Artefact]], total: int, say: Say) -> None:
    shares = ", ".join(
        f"{parts[key].title} {sum(one.size for one in several) / MEGABYTE:.0f} MB"
        for key, several in missing.items()
    )
    say(f"Downloading {total / MEGABYTE:.0f} MB, this once: {shares}. They are kept in {cache}.")
    needed = total * UNPACKED
    space = shutil.disk_usage(cache).free
    if space < needed:
        raise StackError(
            f"{cache} needs {needed / MEGABYTE:.0f} MB of disk space and has {space / MEGABYTE:.0f} MB. "
            f"Free some, or set {CACHE_VARIABLE} to a directory on another disk."
        )


def _place(arrived: Path, artefact: Artefact, place: Path, scratch: Path) -> None:
    if not artefact.file.endswith(".tar.gz"):
        place.mkdir(parents=True, exist_ok=True)
        arrived.replace(place / artefact.file)
        return
    unpacked = scratch / place.name
    with tarfile.open(arrived) as archive:
        archive.extractall(unpacked, filter="data")
    unpacked.replace(place)


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=cache))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
