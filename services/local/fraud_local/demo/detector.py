"""The detector of the demo: the very program that runs elsewhere, as a process of its own."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from fraud_core.errors import DemoError
from fraud_local.demo.cluster import Cluster
from fraud_local.demo.model import Model
from fraud_local.stack import locks, ports
from fraud_local.stack.places import cache_dir
from fraud_local.stack.process import Process, last_lines

METRICS_PORT = 8083
READY_S = 300.0
POLL_S = 0.05


class Detector:
    """A detector process, which ends when this one does."""

    def __init__(self, process: Process, address: str) -> None:
        """`address` is where it serves `/health` and `/metrics`."""
        self._process = process
        self.address = address

    @property
    def log(self) -> Path:
        """What it says."""
        return self._process.log

    def check(self) -> None:
        """Do nothing while it runs.

        Raises:
            DemoError: it has ended; carries the last lines of its log.
        """
        status = self._process.status
        if status is not None:
            raise DemoError(
                f"The detector ended with exit status {status}. Its log, {self.log}, ends with:\n"
                f"{last_lines(self.log)}"
            )

    def await_ready(self) -> None:
        """Return when all its partitions are restored and running.

        Raises:
            DemoError: it ended, or was not ready in time.
        """
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(
                    f"The detector was not ready within {READY_S:.0f} s. Its log, {self.log}, ends with:\n"
                    f"{last_lines(self.log)}"
                )
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/health", timeout=2).is_success
        except httpx2.TransportError:
            return False


@contextmanager
def running_detector(cluster: Cluster, model: Model) -> Iterator[Detector]:
    """Run a detector while the block runs; it commits what is open and leaves its group afterwards."""
    settings = cluster.settings
    with _port() as port:
        process = Process(
            (
                sys.executable, "-m", "fraud_detector", "--worker", "demo",
                "--model-url", model.url, "--model-sha256", model.sha256,
                "--bootstrap-servers", settings.kafka.bootstrap_servers,
                "--schema-registry-url", settings.schema_registry.url,
                "--topic-prefix", settings.topics.prefix, "--http-port", str(port), "--log-format", "json",
            ),
            directory=cluster.directory,
            log=cluster.logs / "detector.log",
            environment=cluster.environment,
        )  # fmt: skip
        try:
            yield Detector(process, f"http://{ports.HOST}:{port}")
        finally:
            process.ask_to_end()
            process.wait()


@contextmanager
def _port() -> Iterator[int]:
    """The usual port if no other demo has chosen it: it is free until that one's detector listens."""
    with locks.held(cache_dir() / f".port-{METRICS_PORT}", wait=False) as ours:
        usual = ours is not None and ports.is_free(METRICS_PORT)
        yield METRICS_PORT if usual else ports.several_free(1)[0]
