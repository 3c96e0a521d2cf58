"""A FraudModel in a world of values: rollouts, detectors and Jobs that do what a plan says, and no more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fraud_core.connect.records import ModelStatus, Role, State, Task, WorkerStatus
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_operator.api import Condition, FraudModelSpec, FraudModelStatus
from fraud_operator.planning import Model, Plan, World, reconcile
from fraud_operator.planning.history import History, noted, remembering
from fraud_operator.planning.world import (
    Act,
    DeleteBundle,
    Event,
    Failure,
    Measured,
    Run,
    RunState,
    StartJob,
    StopJob,
    Trained,
    Waiting,
    WriteRollout,
)

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
PARTITIONS = 4
TICK = timedelta(seconds=5)
BATCH = 1_000
QUICK: dict[str, Any] = {
    "rollout": {
        "shadow": "1m",
        "canary": {"steps": [{"weight": 10, "pause": {"duration": "1m"}}, {"weight": 50}]},
    }
}


def bundle(version: str) -> BundleRef:
    """Where a version of that name would be."""
    return BundleRef(version, f"kafka://fraud_models/{version}", f"{sum(version.encode()):064x}")


def spec(**parts: Any) -> FraudModelSpec:
    """As a manifest has it."""
    return FraudModelSpec.model_validate(parts)


@dataclass
class Universe:
    """All there is; `tick` reconciles, does what is planned and lets time pass.

    Attributes:
        wanted: the spec.
        fault: what of it is not understood.
        workers: names of the detectors that live.
        mute: those of them that don't report.
        alert_share: share of the transactions that the challenger alerts on.
        champions_share: the same of the champion.
        late_alerts: further ones of the challenger in its present step.
        fails: versions that fail on a batch.
        trains: versions that the Jobs bring, in order; None is one that fails.
        history: what the operator remembers; gone when it starts anew.
        lost: how many of the next acts are not done, for the operator is killed before them.
    """

    wanted: FraudModelSpec
    fault: str | None = None
    rollout: Rollout | None = field(
        default_factory=lambda: Rollout("fraud-detector", 7, champion=bundle("baseline"))
    )
    workers: tuple[str, ...] = ("w-0", "w-1")
    mute: frozenset[str] = frozenset()
    alert_share: float = 0.012
    champions_share: float = 0.01
    late_alerts: int = 0
    fails: frozenset[str] = frozenset()
    trains: list[str | None] = field(default_factory=lambda: ["one", "two", "three"])
    metrics: Mapping[str, float] = field(default_factory=lambda: {"recall": 0.6, "champion_recall": 0.5})
    measured: Mapping[str, Measured] = field(default_factory=dict)
    labels: int = 0
    now: datetime = NOW
    generation: int = 1
    status: FraudModelStatus = field(default_factory=FraudModelStatus)
    scored: int = 0
    decided: int = 0
    counted: tuple[object, ...] | None = None
    jobs: dict[str, StartJob] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    written: list[Rollout] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    history: History = field(default_factory=History)
    lost: int = 0
    slow_jobs: bool = False

    @property
    def model(self) -> Model:
        """As Kubernetes has it: the status went through YAML."""
        stored = FraudModelStatus.model_validate(self.status.to_manifest())
        return Model("ns", "cards", "uid-1", self.generation, NOW, self.wanted, stored, self.fault)

    @property
    def world(self) -> World:
        """What the operator sees."""
        return remembering(self.history, self.model, self._seen)

    @property
    def _seen(self) -> World:
        """The same without what it remembers."""
        return World(
            now=self.now,
            rollout=self.rollout,
            workers=tuple(self._report(name) for name in self.workers if name not in self.mute),
            partitions=PARTITIONS,
            runs=dict(self.runs),
            labels=self.labels,
            deleted=frozenset(self.deleted),
        )

    def change(self, **parts: Any) -> None:
        """Change the spec, as `kubectl patch` does."""
        self.wanted = spec(**self.wanted.to_manifest() | parts)
        self.generation += 1

    def plan(self) -> Plan:
        """What is to be done now."""
        return reconcile(self.model, self.world)

    def tick(self, times: int = 1) -> None:
        """Reconcile so often, with time and transactions in between."""
        for _ in range(times):
            self.look()
            self.pass_time()

    def look(self) -> None:
        """Remember what is seen, and do what follows from it."""
        model, seen = self.model, self._seen
        self.history = noted(self.history, model, seen)
        self.follow(reconcile(model, remembering(self.history, model, seen)))

    def follow(self, plan: Plan) -> None:
        """Write the status, then act, as far as nobody kills the operator."""
        self.status = plan.status
        self.events += plan.events
        for act in plan.acts:
            if self.lost:
                self.lost -= 1
                return
            self.do(act)

    def do(self, act: Act) -> None:
        """What a cluster does, and what is there is not done again."""
        match act:
            case WriteRollout(rollout, after):
                if (self.rollout.generation if self.rollout else None) == after:
                    self.rollout = rollout
                    self.written.append(rollout)
            case StartJob():
                self.jobs.setdefault(act.run_id, act)
                self.runs.setdefault(act.run_id, Run(RunState.ACTIVE, job_name=act.job_name))
            case StopJob(job_name):
                for run_id in [run_id for run_id, job in self.jobs.items() if job.job_name == job_name]:
                    del self.jobs[run_id], self.runs[run_id]
            case DeleteBundle(ref):
                self.deleted.add(ref.sha256)

    def pass_time(self, by: timedelta = TICK) -> None:
        """Detectors decide, Jobs end."""
        self.now += by
        rollout, counted = self.rollout, self._counted()
        if counted != self.counted:
            self.counted, self.scored, self.decided, self.late_alerts = counted, 0, 0, 0
        self.scored += BATCH
        self.decided += int(BATCH * rollout.share) if rollout else 0
        if not self.slow_jobs:
            self.end_jobs()

    def end_jobs(self) -> None:
        """Every Job comes to its end."""
        for run_id, run in self.runs.items():
            if run.state is RunState.ACTIVE:
                self.runs[run_id] = self._ended(self.jobs[run_id])

    def hold_up(self, reason: str | None, message: str = "") -> None:
        """No pod of the Jobs that run starts, for this, and each is made just now; None lets them go on."""
        waiting = Waiting(self.now, reason, message) if reason else None
        for run_id, run in self.runs.items():
            if run.state is RunState.ACTIVE:
                self.runs[run_id] = replace(run, waiting=waiting)

    def fail_jobs(self, failure: Failure) -> None:
        """Every Job that runs fails so."""
        for run_id, run in self.runs.items():
            if run.state is RunState.ACTIVE:
                self.runs[run_id] = replace(run, state=RunState.FAILED, failure=failure, waiting=None)

    def until(self, reason: str, kind: str = "Progressing", most: int = 2_000) -> None:
        """Let time pass until a condition has this reason."""
        for _ in range(most):
            if self.status.conditions and self.condition(kind).reason == reason:
                return
            self.tick()
        raise AssertionError(f"{kind} never had {reason}: {self.told()}")

    def condition(self, kind: str) -> Condition:
        """What is said of it."""
        [found] = [one for one in self.status.conditions if one.type == kind]
        return found

    def told(self) -> dict[str, str]:
        """All conditions in short."""
        return {one.type: f"{one.status}/{one.reason}: {one.message}" for one in self.status.conditions}

    def _counted(self) -> tuple[object, ...] | None:
        """What detectors count by itself: as `fraud_detector.serving` does."""
        found = self.rollout
        if found is None:
            return None
        return found.champion, found.challenger, found.mode, found.canary_weight, found.step

    def _ended(self, job: StartJob) -> Run:
        if job.arguments[1] == "precision":
            return Run(RunState.SUCCEEDED, measured=self.measured)
        version = self.trains.pop(0) if self.trains else "last"
        if version is None:
            return Run(RunState.FAILED, 3, failure=Failure("NotEnoughSamples", "too few transactions."))
        parent = self.rollout.champion.version if self.rollout and self.rollout.champion else None
        return Run(RunState.SUCCEEDED, trained=Trained(bundle(version), NOW, self.metrics, parent))

    def _report(self, name: str) -> WorkerStatus:
        number = self.workers.index(name)
        held = range(number, PARTITIONS, len(self.workers))
        return WorkerStatus(
            worker=f"fraud-detector/{name}",
            incarnation=NOW,
            pipeline="fraud-detector",
            kind="sink",
            state=State.RUNNING,
            reported_at=self.now,
            tasks=tuple(Task(partition, State.RUNNING) for partition in held),
            rollout_generation=self.rollout.generation if self.rollout else None,
            models=tuple(self._models()),
        )

    def _models(self) -> Iterable[ModelStatus]:
        rollout, share = self.rollout, 1 / len(self.workers)
        scored, decided = int(self.scored * share), int(self.decided * share)
        if rollout and rollout.champion:
            yield ModelStatus(
                rollout.champion.version, Role.CHAMPION, scored=scored, decided=scored - decided,
                alerts=int(scored * self.champions_share), seconds=scored * 1e-5,
                scores=(scored,) + 12 * (0,),
            )  # fmt: skip
        if rollout and rollout.challenger:
            broken = rollout.challenger.version in self.fails
            yield ModelStatus(
                rollout.challenger.version, Role.CHALLENGER, running=not broken,
                trace="it failed on a batch" if broken else None, scored=scored, decided=decided,
                alerts=int(scored * self.alert_share + self.late_alerts * share), errors=int(broken),
                seconds=scored * 2e-5, scores=(scored,) + 12 * (0,),
            )  # fmt: skip


def weights(rollouts: Iterable[Rollout]) -> list[tuple[Mode, float]]:
    """How rollouts went, in short."""
    return [(rollout.mode, rollout.canary_weight) for rollout in rollouts]
