"""Makes the worker one of Kafka Connect's kind: it reports, it can be told, and it answers for the group."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from fraud_core.connect.board import Board, watched
from fraud_core.connect.config import flat
from fraud_core.connect.control import Control
from fraud_core.connect.namesake import Namesake
from fraud_core.connect.records import Serving, TargetState, WorkerStatus
from fraud_core.connect.rest import Service, add_connect_api
from fraud_core.connect.tasks import Tasks
from fraud_core.connect.writing import Pen, Reporter, pens, write_target
from fraud_core.errors import FencedError, UnavailableError
from fraud_core.kafka import wait_until
from fraud_core.registry import Registry
from fraud_core.rollouts import Rollout
from fraud_core.settings import CoreSettings

NOT_YET = "The worker has not reached Kafka and the schema registry yet; try again."


@dataclass(frozen=True)
class Identity:
    """Which connector a worker belongs to.

    Attributes:
        pipeline: the connector's name.
        worker: the worker's name within it.
        kind: source or sink.
        plugin: what `connector.class` says.
        topics: what it writes or reads.
    """

    pipeline: str
    worker: str
    kind: str
    plugin: str
    topics: tuple[str, ...]

    @property
    def member(self) -> str:
        """The worker's name in the whole cluster."""
        return f"{self.pipeline}/{self.worker}"


@dataclass
class Membership:
    """What a worker shares with the threads that report and answer for it.

    Attributes:
        identity: who it is.
        control: what it is told.
        tasks: what it does.
    """

    identity: Identity
    control: Control
    tasks: Tasks
    _board: Board | None = None
    _targets: Pen | None = None

    def board(self) -> Board:
        """What all workers report.

        Raises:
            UnavailableError: the worker has not reached Kafka yet.
        """
        if self._board is None:
            raise UnavailableError(NOT_YET)
        return self._board

    def changed(self) -> None:
        """Report soon."""
        self.tasks.on_change()

    def tell(self, target: TargetState) -> None:
        """Write an order for all workers of a pipeline.

        Raises:
            UnavailableError: Kafka or the registry can't be reached, or have not been yet.
        """
        if self._targets is None:
            raise UnavailableError(NOT_YET)
        write_target(self._targets, target)

    @contextmanager
    def taking_part(
        self,
        settings: CoreSettings,
        registry: Registry,
        counters: Callable[[], dict[str, float]],
        stop: threading.Event,
        serving: Callable[[], Serving] = Serving,
        on_rollout: Callable[[Rollout], None] | None = None,
        *,
        alone: bool = False,
    ) -> Iterator[None]:
        """Read orders to their end, then report while the block runs; take the report back afterwards.

        Args:
            settings: where the topics are.
            registry: has their schemas.
            counters: totals to report.
            stop: ends the waiting for brokers and registry.
            serving: which models run here.
            on_rollout: is told the pipeline's rollouts, the latest so far before the block begins; without
                it they are not read.
            alone: for who must have its name to itself: it waits for another process to give it up, and a
                FencedError in the block is told from a transaction that has timed out.

        Raises:
            NameInUseError: another process still has the name after `startup_timeout_s`.
            FencedError: another process took the name over.
            UnavailableError: Kafka or the registry can't be reached within `startup_timeout_s`.
            SchemaError: a schema is not registered.
        """
        statuses, self._targets = pens(settings, registry, stop)
        namesake = Namesake(self.identity.member, self.control.since)
        ours = on_rollout and partial(_of_pipeline, self.identity.pipeline, on_rollout)
        with watched(settings, registry, self.control.told, namesake.take, ours) as self._board:
            wait_until(self._board.refresh, settings, stop)
            namesake.watch()
            if alone:
                wait_until(namesake.check, settings, stop)
            reporter = Reporter(statuses, lambda: self._report(counters(), serving()))
            self.tasks.on_change = reporter.changed
            try:
                yield
            except FencedError as error:
                raise namesake.judged(error) from error
            finally:
                reporter.close(take_back=namesake.living() is None)

    def _report(self, counters: dict[str, float], serving: Serving) -> WorkerStatus:
        return WorkerStatus(
            worker=self.identity.member,
            incarnation=self.control.since,
            pipeline=self.identity.pipeline,
            kind=self.identity.kind,
            state=self.tasks.worker,
            reported_at=datetime.now(UTC),
            tasks=self.tasks.all(),
            version=version("fraudstream"),
            counters=counters,
            **vars(serving),
        )


def _of_pipeline(pipeline: str, on_rollout: Callable[[Rollout], None], rollout: Rollout) -> None:
    if rollout.pipeline == pipeline:
        on_rollout(rollout)


def membership(settings: CoreSettings, identity: Identity, app: FastAPI) -> Membership:
    """A member that answers on `app`, and has something to say once it takes part."""
    member = Membership(identity, Control(identity.pipeline, datetime.now(UTC)), Tasks())
    add_connect_api(
        app,
        Service(
            name=identity.pipeline,
            worker=identity.member,
            plugin=identity.plugin,
            kind=identity.kind,
            topics=identity.topics,
            config=flat(settings),
            board=member.board,
            tell=member.tell,
        ),
    )
    return member
