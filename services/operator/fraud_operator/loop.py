"""Looks at everything every few seconds, and sooner when it is woken, and does what the plans say."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from fraud_core.errors import FencedError, FraudstreamError, UnavailableError
from fraud_core.log import logger
from fraud_core.rollouts import Rollout
from fraud_operator.cluster import jobs, models, paths
from fraud_operator.cluster.api import Api, ConflictError, ForbiddenError, MissingError, RefusedError
from fraud_operator.cluster.models import Found, Misread
from fraud_operator.metrics import Metrics
from fraud_operator.names import MODEL_LABEL
from fraud_operator.pipeline.kafka import Kafka, Pipeline
from fraud_operator.planning import Model, Plan, World, reconcile, unplanned, unseen
from fraud_operator.planning.history import History, noted, remembering
from fraud_operator.planning.rollout import released
from fraud_operator.planning.training import REFUSED
from fraud_operator.planning.versions import entry_of
from fraud_operator.planning.world import (
    Act,
    DeleteBundle,
    Event,
    Failure,
    Run,
    RunState,
    StartJob,
    StopJob,
    WriteRollout,
)

log = logger(__name__)
ValueT = TypeVar("ValueT")
Document = dict[str, Any]
AWAY_S = 30.0
"""So long Kafka may be away before Ready says that nothing is known: brokers that restart take as long."""


@dataclass
class Loop:
    """One task that does everything, in one order.

    Attributes:
        namespace: whose FraudModels these are.
        api: the API server.
        kafka: the pipeline's topics.
        job: the chart's template.
        metrics: are told what is found and done.
        woken: set by whoever saw a change.
    """

    namespace: str
    api: Api
    kafka: Kafka
    job: Document
    metrics: Metrics
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "kafka"))
    _deleted: set[str] = field(default_factory=set)
    _said: set[str] = field(default_factory=set)
    _saying: set[str] = field(default_factory=set)
    _refused: dict[str, Run] = field(default_factory=dict)
    _unmade: dict[str, str] = field(default_factory=dict)
    _told: set[tuple[str, str, str]] = field(default_factory=set)
    _away_since: float | None = None
    _histories: dict[str, History] = field(default_factory=dict)

    async def run(self) -> None:
        """Until it is cancelled.

        Raises:
            FencedError: another operator has taken over.
        """
        while True:
            self.woken.clear()
            try:
                await self.look()
            except FencedError:
                raise
            except Exception as error:  # noqa: BLE001 - who judges rollouts ends for nothing but a successor
                self.metrics.failures.inc()
                self.metrics.turned(read=False)
                self._say(_explained(error))
            await self._pause()

    async def look(self) -> None:
        """Reconcile everything once.

        Raises:
            FencedError: another operator has taken over.
            UnavailableError: Kafka or the API server can't be reached.
            ConfigError: the operator may not what it must.
        """
        self._saying = set()
        pipeline = await self._read()
        ours, misread = await self._models()
        runs = await self._runs()
        plans = []
        for found in ours:
            of_model = self._refused | runs.get(found.model.uid, {})
            world = await self._world(found, [*ours, *misread], pipeline, of_model)
            plan = self._plan(found, world)
            plans.append((found.model, plan))
            await self._follow(found, plan)
        for each in misread:
            if each.pipeline == self.kafka.settings.pipeline:
                await self._tell(each)
        self._forget(plans)
        await self._release(pipeline.rollout, {found.model.uid for found in ours}, misread)
        self.metrics.looks.inc()
        self.metrics.told(plans)
        self.metrics.turned(read=True)
        self._said = self._saying

    def _forget(self, plans: list[tuple[Model, Plan]]) -> None:
        """Keep nothing of runs that no status names, and of FraudModels that are gone."""
        named, living = _named(plans), {model.uid for model, _ in plans}
        self._refused = {run_id: run for run_id, run in self._refused.items() if run_id in named}
        self._unmade = {run_id: why for run_id, why in self._unmade.items() if run_id in named}
        self._histories = {uid: history for uid, history in self._histories.items() if uid in living}

    async def _read(self) -> Pipeline:
        """What Kafka says. Where it says nothing for long, nobody shall take for true what it said last."""
        try:
            pipeline = await self._in_thread(self.kafka.read)
        except UnavailableError:
            self._away_since = self._away_since or time.monotonic()
            if time.monotonic() - self._away_since >= AWAY_S:
                await self._unseen()
            raise
        self._away_since = None
        return pipeline

    async def _unseen(self) -> None:
        ours, _ = await self._models()
        for found in ours:
            status = unseen(found.model, datetime.now(UTC).replace(microsecond=0))
            if status != found.model.status:
                await self._replace(found.model.name, models.with_status(found, status))

    def _plan(self, found: Found, world: World) -> Plan:
        """A FraudModel for which there is no plan holds up no other one, and says so."""
        try:
            return reconcile(found.model, self._remembering(found.model, world))
        except Exception as error:  # noqa: BLE001 - whatever a spec or a status leads to
            why = _explained(error)
            self._say(f"{found.model.name}: {why}")
            return unplanned(found.model, world, why)

    async def _models(self) -> tuple[list[Found], list[Misread]]:
        listed = await self.api.get(paths.models(self.namespace))
        read = [models.read(document) for document in listed["items"]]
        self._report(read)
        pipeline = self.kafka.settings.pipeline
        misread = [each for each in read if isinstance(each, Misread)]
        ours = [each for each in read if isinstance(each, Found) and each.pipeline == pipeline]
        return sorted(ours, key=lambda found: (found.model.created, found.model.name)), misread

    def _report(self, read: list[Found | Misread]) -> None:
        """Say once what is not understood of FraudModels."""
        told = set()
        for each in read:
            if isinstance(each, Misread):
                told.add(("fraud_model_not_read", each.name, each.fault))
            elif each.model.fault:
                told.add(("fraud_model_not_read", each.model.name, each.model.fault))
            elif each.ignored:
                told.add(("newer_fields_ignored", each.model.name, ", ".join(each.ignored)))
        for event, name, what in sorted(told - self._told):
            log.warning(event, fraud_model=name, reason=what)
        self._told = told

    async def _runs(self) -> dict[str, dict[str, Run]]:
        listed = await self.api.get(paths.jobs(self.namespace), labelSelector=MODEL_LABEL)
        pods: Document = {"items": []}
        if listed["items"]:
            pods = await self.api.get(paths.pods(self.namespace), labelSelector=MODEL_LABEL)
        return jobs.runs(listed["items"], pods["items"])

    async def _world(
        self, found: Found, all_: list[Found | Misread], pipeline: Pipeline, runs: dict[str, Run]
    ) -> World:
        pinned = found.model.spec.pinned_version
        unknown = pinned is not None and entry_of(found.model.status, pinned) is None
        return World(
            now=datetime.now(UTC).replace(microsecond=0),
            rollout=pipeline.rollout,
            workers=pipeline.workers,
            partitions=pipeline.partitions,
            runs=runs,
            unmade=dict(self._unmade),
            labels=pipeline.labels,
            older=models.older(found, all_),
            foreign=self._foreign(pipeline.rollout),
            found=await self._in_thread(lambda: self.kafka.find(str(pinned))) if unknown else {},
            deleted=frozenset(self._deleted),
        )

    def _remembering(self, model: Model, world: World) -> World:
        """The same with what detectors said earlier, of a FraudModel that has the pipeline."""
        if world.older is not None or world.foreign is not None:
            return world
        history = noted(self._histories.get(model.uid, History()), model, world)
        self._histories[model.uid] = history
        return remembering(history, model, world)

    def _foreign(self, rollout: Rollout | None) -> str | None:
        """Namespace and name of the FraudModel of another namespace that manages the rollout."""
        namespace, slash, rest = (rollout.managed_by if rollout else "").partition("/")
        return f"{namespace}/{rest.partition('/')[0]}" if slash and namespace != self.namespace else None

    async def _follow(self, found: Found, plan: Plan) -> None:
        """Write the status, and only then act: whoever is killed in between finds in it what to do.

        The events follow the status, too: what it says is said once, whether or not the acts get through.
        """
        if plan.status != found.model.status:
            document = models.with_status(found, plan.status)
            if not await self._replace(found.model.name, document):
                return
        for event in plan.events:
            await self._happened(found, event)
        for act in plan.acts:
            if await self._act(found, act):
                self.woken.set()

    async def _tell(self, misread: Misread) -> None:
        """Say in a status that can't be gone on from why nothing is done, and leave the rest of it."""
        document = models.with_fault(misread, datetime.now(UTC))
        if document is not None and await self._replace(misread.name, document):
            await self._happened(misread, Event(models.INVALID, misread.fault, warning=True))

    async def _replace(self, name: str, document: Document) -> bool:
        """Write a status; gives whether it is written."""
        try:
            await self.api.replace(paths.status(self.namespace, name), document)
        except (ConflictError, MissingError):
            self.woken.set()  # it was changed or deleted meanwhile: look again
            return False
        except RefusedError as error:
            self.metrics.failures.inc()
            self._say(str(error))
            return False
        return True

    async def _happened(self, found: Found | Misread, event: Event) -> None:
        document = models.event_of(found, event, datetime.now(UTC))
        await self._quietly(self.api.create(paths.events(self.namespace), document))

    async def _act(self, found: Found, act: Act) -> bool:
        """Whether it changed what the next look sees."""
        self.metrics.acts.labels(type(act).__name__).inc()
        match act:
            case WriteRollout(rollout, after):
                return await self._in_thread(lambda: self.kafka.write(rollout, after))
            case StartJob():
                return await self._start(found, act)
            case StopJob(job_name):
                return await self._quietly(self.api.delete(paths.job(self.namespace, job_name)))
            case DeleteBundle(ref):
                await self._in_thread(lambda: self.kafka.delete(ref))
                self._deleted.add(ref.sha256)
                return True

    async def _start(self, found: Found, act: StartJob) -> bool:
        """Make the Job; one that is refused is a run that failed, so that its FraudModel says so.

        A server that fails, as for an admission webhook that is away, is asked again in the next look.
        """
        self._unmade.pop(act.run_id, None)
        document = jobs.manifest(self.job, found.model, act)
        try:
            await self.api.create(paths.jobs(self.namespace), document)
        except (ConflictError, MissingError):
            return False  # it is there, or its namespace is gone
        except (RefusedError, ForbiddenError) as error:
            log.warning("job_refused", job=act.job_name, run_id=act.run_id, reason=str(error))
            self._refused[act.run_id] = Run(RunState.FAILED, 0, failure=Failure(REFUSED, str(error)))
            return True
        except UnavailableError as error:
            self._say(str(error))
            self._unmade[act.run_id] = str(error)
            return False
        log.info("job_started", job=act.job_name, run_id=act.run_id)
        return True

    async def _release(self, rollout: Rollout | None, living: set[str], misread: list[Misread]) -> None:
        """A rollout whose FraudModel is deleted goes back to the command line, without a challenger."""
        if rollout is None:
            return
        namespace, _, rest = rollout.managed_by.partition("/")
        uids = living | {str(each.document["metadata"]["uid"]) for each in misread}
        if namespace != self.namespace or rest.rpartition("/")[2] in uids:
            return
        log.info("rollout_released", managed_by=rollout.managed_by)
        await self._in_thread(lambda: self.kafka.write(released(rollout), rollout.generation))

    async def _quietly(self, act: Awaitable[object]) -> bool:
        """Whether it was done. What is there or gone already is as it shall be; what is refused is told.

        So is that the server fails at it: nothing else depends on it.
        """
        try:
            await act
        except (ConflictError, MissingError):
            return False
        except (RefusedError, ForbiddenError, UnavailableError) as error:
            self._say(str(error))
            return False
        return True

    async def _in_thread(self, ask: Callable[[], ValueT]) -> ValueT:
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self.woken.wait(), self.kafka.settings.reconcile.interval_s)
        except TimeoutError:
            return
        await asyncio.sleep(min(0.2, self.kafka.settings.reconcile.interval_s))

    def _say(self, reason: str) -> None:
        """Log it, unless it was said in the look before, too."""
        if reason not in self._said:
            log.warning("waiting", reason=reason)
        self._saying.add(reason)
        self._said = self._said | {reason}


def _named(plans: list[tuple[Model, Plan]]) -> set[str]:
    """Runs that a status names."""
    runs = [run for _, plan in plans for run in (plan.status.training, plan.status.analysis)]
    return {run.run_id for run in runs if run}


def _explained(error: Exception) -> str:
    """Its text; of one that nobody foresaw also its kind, and where it came from."""
    if isinstance(error, FraudstreamError):
        return str(error)
    [*_, last] = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
