"""kubectl and helm on the cluster that FRAUD_TESTS_KUBECONFIG names, and ways into it."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fraud_core.errors import UnavailableError
from tests.support.go_tools import tool
from tests.support.stack import REQUIRE

KUBECONFIG = "FRAUD_TESTS_KUBECONFIG"
KUBECTL = "FRAUD_TESTS_KUBECTL"
PATIENCE_S = 300.0
FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Cluster:
    """One namespace of a cluster that a person has named for tests."""

    kubeconfig: Path
    namespace: str

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints; `given` is its input."""
        return self._ran("kubectl", *arguments, given=given)

    def helm(self, *arguments: str) -> str:
        """What helm prints."""
        return self._ran("helm", *arguments)

    def fails(self, program: str, *arguments: str) -> str:
        """What a program complains about that has to fail."""
        done = self._run(program, *arguments)
        assert done.returncode, f"{program} {' '.join(arguments)} did not fail; it said:\n{done.stdout}"
        return done.stdout + done.stderr

    def complains(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints as errors and warnings."""
        return self._run("kubectl", *arguments, given=given).stderr

    def get(self, *what: str) -> dict[str, Any]:
        """An object, or a list of them."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *what, "--output", "json"))
        return found

    def pods(self, component: str) -> dict[str, dict[str, Any]]:
        """Pods of a component of the chart, by name."""
        items = self.get("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
        return {pod["metadata"]["name"]: pod for pod in items}

    def rolled_out(self, what: str) -> None:
        """Wait until all of it is up to date and ready."""
        self.kubectl("rollout", "status", what, f"--timeout={PATIENCE_S:.0f}s")

    @contextmanager
    def forwarded(self, to: str, port: int, here: int = 0) -> Iterator[int]:
        """A port of this machine that leads to a port of the cluster; 0 takes any free one."""
        command = self._command("kubectl", "port-forward", to, f"{here or ''}:{port}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                found = FORWARDED.search(process.stdout.readline())
                assert found, f"no way to port {port} of {to}"
                yield int(found[1])
            finally:
                process.terminate()

    def _ran(self, program: str, *arguments: str, given: str | None = None) -> str:
        done = self._run(program, *arguments, given=given)
        assert done.returncode == 0, (
            f"{program} {' '.join(arguments)} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}\n"
            f"{self._state()}"
        )
        return done.stdout

    def _run(
        self, program: str, *arguments: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = self._command(program, *arguments)
        return subprocess.run(command, check=False, capture_output=True, text=True, input=given)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [
            str(tool("helm")) if program == "helm" else kubectl(),
            "--kubeconfig",
            str(self.kubeconfig),
            "--namespace",
            self.namespace,
            *arguments,
        ]

    def _state(self) -> str:
        """For a person who reads why a test failed."""
        shown = [
            self._run("kubectl", *what).stdout
            for what in (
                ("get", "pods", "--output", "wide"),
                ("get", "events", "--sort-by=.lastTimestamp"),
                ("logs", "--selector", "app.kubernetes.io/part-of=fraudstream", "--tail=15", "--prefix"),
            )
        ]
        return "\n".join(text[-4_000:] for text in shown)


def kubectl() -> str:
    """The program; where there is none the test is skipped, unless none may be."""
    found = os.environ.get(KUBECTL) or shutil.which("kubectl")
    return found or _lacking(f"there is no kubectl on the path, and {KUBECTL} names none")


def named() -> Path:
    """The kubeconfig for tests; without one, whatever the user's own context is, the test is skipped."""
    found = os.environ.get(KUBECONFIG)
    return Path(found or _lacking(f"{KUBECONFIG} names no cluster; see tests/cluster/README.md"))


def _lacking(what: str) -> NoReturn:
    if os.environ.get(REQUIRE) == "all":
        pytest.fail(f"{what}, and {REQUIRE}=all lets no test be skipped", pytrace=False)
    pytest.skip(what)


def until(condition: Callable[[], bool], what: Callable[[], str], patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition; fails with `what` when it does not come true in time.

    Brokers that don't answer for a moment, as on a busy machine, are asked again.
    """
    deadline = time.monotonic() + patience_s
    while not _holds(condition):
        assert time.monotonic() < deadline, f"not in {patience_s:g} s: {what()}"
        time.sleep(1)


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except UnavailableError:
        return False
