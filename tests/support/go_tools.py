"""Tools that `.ci/go-tool` builds from Go modules and caches, and Go modules whose sources are read."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.stack import REQUIRE

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / ".ci" / "go-tool"

waits_for_builds = pytest.mark.timeout(2_400)
"""For tests that may have to wait until a tool is built, behind everything else that the machine does."""


@cache
def tool(name: str) -> Path:
    """The program; built now if FRAUD_TESTS_REQUIRE=all, else the test is skipped where it is not there."""
    if os.environ.get(REQUIRE) == "all":
        return Path(_output(str(BUILDER), name))
    found = Path(_output(str(BUILDER), "--where", name))
    if not found.is_file():
        pytest.skip(f"{name} is not built; `.ci/go-tool {name}` does it in some minutes")
    return found


@cache
def module(name: str) -> Path:
    """Sources of a Go module, `path@version`, from Go's own cache or its proxy; else as with `tool`."""
    try:
        found = json.loads(_output("go", "mod", "download", "-json", name))
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get(REQUIRE) == "all":
            raise
        pytest.skip(f"the Go module {name} is not to be had: {error}")
    return Path(found["Dir"])


def _output(*command: str) -> str:
    # Outside of the checkout and of any module: nothing there decides what is downloaded.
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT.parent)
    return done.stdout.strip()
