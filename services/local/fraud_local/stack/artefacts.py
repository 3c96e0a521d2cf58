"""What the embedded stack is made of: pinned versions, with the size and digest of every file.

`artefacts.json` is written by `python -m fraud_local.stack.pin`, read here, and verified by `download`. A
component is kept in a directory that is named after its content, so that another pin never meets old jars.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MANIFEST = Path(__file__).with_name("artefacts.json")
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Artefact:
    """One file in a Maven repository: its coordinate, and what exactly must arrive."""

    coordinate: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Component:
    """The broker or the registry, as a set of files."""

    key: str
    name: str
    version: str
    artefacts: tuple[Artefact, ...]

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return f"{self.name} {self.version}"

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(artefact.size for artefact in self.artefacts)

    @property
    def directory(self) -> str:
        """Name of its directory in the cache; another for any other content."""
        digests = "".join(artefact.sha256 for artefact in self.artefacts)
        return f"{self.key}-{self.version}-{hashlib.sha256(digests.encode()).hexdigest()[:8]}"


@cache
def components() -> dict[str, Component]:
    """The pinned components, by key: `broker` and `registry`."""
    pinned = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return {
        key: Component(
            key, part["name"], part["version"], tuple(Artefact(**one) for one in part["artefacts"])
        )
        for key, part in pinned.items()
    }
