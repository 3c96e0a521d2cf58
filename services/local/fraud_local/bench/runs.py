"""Runs paths as processes of their own and holds them to their work."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fraud_core.errors import ConfigError, FraudstreamError
from fraud_core.schemas import schema_text
from fraud_local.bench import paths
from fraud_local.bench.place import Place, committed_outputs
from fraud_local.bench.task import Result, Task

QUIX = ("quixstreams==3.28.1", "fastavro>=1.10")
LIMIT_S = 1_800
NAMES = ("passthrough", "detector", "record_by_record", "quix", "tutorial")


class BenchError(FraudstreamError):
    """A path failed, or did not decide every record."""


@dataclass(frozen=True)
class Run:
    """One run of a path over all records of its input."""

    path: str
    records: int
    outputs: int
    result: Result

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.records / self.result.seconds


def run(path: str, place: Place, source: str, records: int, options: dict[str, str] | None = None) -> Run:
    """Run a path and count what it committed; `options` are what only this path understands.

    Raises:
        BenchError: it failed, or its outputs are not one for each record.
    """
    options = {"schema": schema_text("Transaction")} if path == "quix" else options
    with place.task(source, records, options) as task:
        result = _answer(path, task)
        outputs = committed_outputs(task)
    if outputs != records:
        raise BenchError(f"The path {path} gave {outputs} outputs for {records} records.")
    return Run(path, records, outputs, result)


def _answer(path: str, task: Task) -> Result:
    done = subprocess.run(  # noqa: S603 - our own modules
        [*command(path), task.model_dump_json()],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    if done.returncode:
        raise BenchError(f"The path {path} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return Result.model_validate_json(done.stdout.splitlines()[-1])


def command(path: str) -> list[str]:
    """What runs a path, but for its task.

    Raises:
        ConfigError: something that it needs is missing.
    """
    if path != "quix":
        return [sys.executable, "-m", f"{paths.__name__}.{path}"]
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise ConfigError(
            "Quix Streams runs in an environment of its own, which uv makes, and there is no uv on the PATH. "
            "Run `make bench`, or leave it out with --without quix."
        )
    packages = [part for package in QUIX for part in ("--with", package)]
    script = Path(paths.__file__).with_name("quix.py")
    return [uv, "run", "--no-project", "--isolated", "--quiet", *packages, "python", str(script)]
