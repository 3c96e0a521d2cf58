"""Reads what describes the images: Dockerfiles, the ignore file, compose.yaml, and the lock file's extras."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILES = {path.parent.name: path for path in sorted(ROOT.glob("services/*/Dockerfile"))}
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


@dataclass(frozen=True)
class Instruction:
    """One instruction, with its continued lines joined."""

    name: str
    text: str


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next.

    Attributes:
        base: the image or stage that it begins with.
        name: after AS; empty for the image itself.
        instructions: those after FROM.
    """

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[str]:
        """Texts of the instructions of that name."""
        return [instruction.text for instruction in self.instructions if instruction.name == name]

    def environment(self) -> dict[str, str]:
        """Variables that ENV sets; values here have no spaces."""
        return dict(pair.split("=", 1) for text in self.all("ENV") for pair in text.split())


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, without comments."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [Instruction(*line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile; what stands before the first FROM belongs to none."""
    found: list[Stage] = []
    for instruction in instructions(text):
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            found.append(Stage(base, name, ()))
        elif found:
            last = found[-1]
            found[-1] = Stage(last.base, last.name, (*last.instructions, instruction))
    return found


def compose() -> dict[str, Any]:
    """The services of compose.yaml, with the defaults of its variables put in."""
    text = DEFAULT.sub(r"\1", (ROOT / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


@cache
def project() -> dict[str, Any]:
    """The [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def brought_by(extra: str) -> frozenset[str]:
    """Names of the distributions that `uv sync --frozen --no-dev --extra EXTRA` may install."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    packages = {package["name"]: package for package in locked}
    found: set[tuple[str, str]] = set()
    waiting = [("fraudstream", ""), ("fraudstream", extra)]
    while waiting:
        name, of_extra = one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        package = packages[name]
        needed = package.get("optional-dependencies", {}).get(of_extra, package.get("dependencies", []))
        for dependency in needed:
            waiting += [(dependency["name"], wanted) for wanted in ("", *dependency.get("extra", ()))]
    return frozenset(name for name, _ in found)


def outside_of(extra: str) -> list[str]:
    """Modules of this environment that an image with this extra lacks."""
    inside = brought_by(extra)
    return [
        module
        for module, distributions in packages_distributions().items()
        if not {_normal(name) for name in distributions} & inside
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
