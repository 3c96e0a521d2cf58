"""What a path is told and what it answers."""

import sys
from collections.abc import Callable

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
        stages: seconds that each stage of the loop took, where the path tells them apart.
    """

    model_config = ConfigDict(frozen=True)

    seconds: float
    cpu_seconds: float = 0.0
    stages: dict[str, float] = {}


def main(path: Callable[[Task], Result]) -> None:
    """Run a path as a process: the task from the command line, the result to standard output."""
    result = path(Task.model_validate_json(sys.argv[1]))
    sys.stdout.write(f"{result.model_dump_json()}\n")
