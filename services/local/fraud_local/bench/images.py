"""How large the images are, and how soon after its container begins the program in one answers."""

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from fraud_core.errors import ConfigError, UnavailableError

IMAGES = ("producer", "detector", "operator", "trainer")
AS_RUN = ("--rm", "--network", "none", "--read-only")
PYTHON = ("--entrypoint", "python")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        megabytes: of all its layers, uncompressed, of which several images share some.
        python_s: seconds from `docker run` to the end of a Python that does nothing in it.
        start_s: the same of `fraudstream --help`, which has imported what every command needs.
    """

    name: str
    megabytes: float
    python_s: float
    start_s: float


def measure(tag: str, rounds: int) -> list[Image]:
    """Look at the four images of this tag; medians of so many rounds, after one that does not count.

    Raises:
        ConfigError: an image is not there.
        UnavailableError: there is no docker, or its daemon does not answer.
    """
    return [_measured(f"fraudstream-{name}:{tag}", rounds) for name in IMAGES]


def _measured(image: str, rounds: int) -> Image:
    size = json.loads(_docker("image", "inspect", image))[0]["Size"]
    times = [(_timed(*PYTHON, image, "-c", "pass"), _timed(image, "--help")) for _ in range(rounds + 1)][1:]
    python, start = (median(column) for column in zip(*times, strict=True))
    return Image(image, size / MEGABYTE, python, start)


def _timed(*arguments: str) -> float:
    began = time.perf_counter()
    _docker("run", *AS_RUN, *arguments)
    return time.perf_counter() - began


def _docker(*arguments: str) -> str:
    docker = shutil.which("docker")
    if docker is None:
        raise UnavailableError("There is no docker on the path.")
    done = subprocess.run([docker, *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - no shell
    if done.returncode == 0:
        return done.stdout
    if "no such image" in done.stderr.lower():
        raise ConfigError(f"There is no image {arguments[-1]}: build it as docs/images.md says.")
    raise UnavailableError(f"docker {arguments[0]} failed: {_last(done.stderr.splitlines())}")


def _last(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
