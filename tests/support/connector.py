"""The REST API of a worker, as a test asks it."""

import re
from collections.abc import Callable
from typing import Any

import httpx2

from tests.support.pipeline import until

UNAVAILABLE = 503


class Connector:
    """One worker."""

    def __init__(self, log: Callable[[], str], name: str) -> None:
        """`log` gives what the worker has logged so far; it says where it serves."""
        until(lambda: "serving" in log(), "the worker serves")
        found = re.search(r"port=(\d+)", log())
        assert found
        self.root, self.path = f"http://127.0.0.1:{found[1]}", f"/connectors/{name}"
        until(lambda: httpx2.get(self.root, timeout=10).status_code != UNAVAILABLE, "it has reached Kafka")

    def get(self, path: str = "") -> Any:
        answer = httpx2.get(self.root + self.path + path, timeout=10)
        assert answer.is_success, answer.text
        return answer.json()

    def is_ready(self) -> bool:
        return httpx2.get(f"{self.root}/health/ready", timeout=10).is_success

    def order(self, method: str, path: str) -> int:
        return httpx2.request(method, self.root + self.path + path, timeout=10).status_code

    def status(self) -> Any:
        return self.get("/status")

    def states(self) -> list[str]:
        return [task["state"] for task in self.status()["tasks"]]

    def workers(self) -> set[str]:
        """Those that hold tasks."""
        return {task["worker_id"] for task in self.status()["tasks"]}

    def comes_to(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, f"{what}; it says {self.status()}")
