"""What a path is told and what it answers."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from pydantic import BaseModel, ConfigDict


class Task(BaseModel):
    """What a path shall work through.

    Attributes:
        bootstrap_servers: the broker.
        schema_registry_url: the registry.
        source: input topic.
        prefix: of the output topics, of the consumer group and of transactional ids; new for each run.
        records: how many records are on the input topic; the path ends after the last.
        model_url: address of the bundle.
        model_sha256: its digest.
        options: what only one path understands.
        broker_pid: of a broker on this machine; None where it is elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str
    schema_registry_url: str
    source: str
    prefix: str
    records: int
    model_url: str
    model_sha256: str
    options: dict[str, str] = {}
    broker_pid: int | None = None

    @property
    def alerts(self) -> str:
        """Topic of the alerts."""
        return f"{self.prefix}fraud_alerts"

    @property
    def classified(self) -> str:
        """Topic of the other decisions."""
        return f"{self.prefix}classified_transactions"


class Result(BaseModel):
    """How a path did.

    Attributes:
        seconds: from the poll that brought the first record to the commit of the last.
        cpu_seconds: of the process in that time, librdkafka's threads included.
        broker_cpu_seconds: of the broker in that time, 0 where nobody knows.
        stages: seconds that each stage of the loop took, where the path tells them apart.
    """

    model_config = ConfigDict(frozen=True)

    seconds: float
    cpu_seconds: float = 0.0
    broker_cpu_seconds: float = 0.0
    stages: dict[str, float] = {}


@dataclass(frozen=True)
class Spent:
    """Readings of the clock, of this process's CPU time and of the broker's, in seconds.

    Attributes:
        broker_cpu: 0 where nobody knows.
    """

    clock: float
    cpu: float
    broker_cpu: float

    @classmethod
    def now(cls, broker_pid: int | None) -> "Spent":
        """Read them."""
        broker = psutil.Process(broker_pid).cpu_times() if broker_pid else None
        broker_cpu = broker.user + broker.system if broker else 0.0
        return cls(time.perf_counter(), time.process_time(), broker_cpu)

    def since(self, earlier: "Spent") -> Result:
        """What was spent between the two."""
        return Result(
            seconds=self.clock - earlier.clock,
            cpu_seconds=self.cpu - earlier.cpu,
            broker_cpu_seconds=self.broker_cpu - earlier.broker_cpu,
        )


def main(path: Callable[[Task], Result]) -> None:
    """Run a path as a process: the task from the command line, the result to standard output."""
    result = path(Task.model_validate_json(sys.argv[1]))
    sys.stdout.write(f"{result.model_dump_json()}\n")
