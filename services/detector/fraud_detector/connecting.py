"""Makes the worker one of Kafka Connect's kind: it reports, it can be told, and it answers for the group."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import FastAPI

from fraud_core.connect.board import watched
from fraud_core.connect.config import flat
from fraud_core.connect.records import TargetState, WorkerStatus
from fraud_core.connect.rest import Service, add_connect_api
from fraud_core.connect.writing import Pen, Reporter, pens, write_target
from fraud_core.errors import UnavailableError
from fraud_core.registry import Registry
from fraud_core.topics import topics
from fraud_detector.control import Control
from fraud_detector.metrics import Metrics
from fraud_detector.settings import DetectorSettings
from fraud_detector.tasks import Tasks

PLUGIN = "fraud_detector.FraudDetector"
KIND = "sink"


@dataclass
class Membership:
    """What a worker shares with the threads that report and answer for it.

    Attributes:
        name: the worker's identity in the whole cluster.
        control: what it is told.
        tasks: what it does.
    """

    name: str
    control: Control
    tasks: Tasks
    _targets: Pen | None = None

    def tell(self, target: TargetState) -> None:
        """Write an order for all workers of a pipeline.

        Raises:
            UnavailableError: Kafka or the registry can't be reached, or have not been yet.
        """
        if self._targets is None:
            raise UnavailableError("The worker has not reached Kafka and the schema registry yet; try again.")
        write_target(self._targets, target)

    @contextmanager
    def reporting(
        self,
        settings: DetectorSettings,
        registry: Registry,
        model: str | None,
        metrics: Metrics,
        stop: threading.Event,
    ) -> Iterator[None]:
        """Report while the block runs, and take the report back afterwards.

        Raises:
            UnavailableError: the registry can't be reached within `startup_timeout_s`.
            SchemaError: a schema is not registered.
        """
        statuses, self._targets = pens(settings, registry, stop)

        def describe() -> WorkerStatus:
            return WorkerStatus(
                worker=self.name,
                incarnation=self.control.since,
                pipeline=settings.pipeline,
                kind=KIND,
                state=self.tasks.worker,
                reported_at=datetime.now(UTC),
                tasks=self.tasks.all(),
                version=version("fraudstream"),
                model_version=model,
                counters=metrics.totals(),
            )

        reporter = Reporter(statuses, describe)
        self.tasks.on_change = reporter.changed
        try:
            yield
        finally:
            reporter.close()


@contextmanager
def membership(settings: DetectorSettings, app: FastAPI, registry: Registry) -> Iterator[Membership]:
    """Read what the group does and answer for it, while the block runs."""
    control = Control(settings.pipeline, datetime.now(UTC))
    member = Membership(f"{settings.pipeline}/{settings.worker}", control, Tasks())
    board = watched(settings, registry, control.told)
    names = topics(settings.topics)
    add_connect_api(
        app,
        Service(
            name=settings.pipeline,
            worker=member.name,
            plugin=PLUGIN,
            kind=KIND,
            topics=(names.transactions.name,),
            config=flat(settings),
            board=board,
            tell=member.tell,
        ),
    )
    try:
        yield member
    finally:
        board.close()
