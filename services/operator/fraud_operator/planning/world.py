"""What a plan is made from, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fraud_core.connect.records import WorkerStatus
from fraud_core.rollouts import BundleRef, Rollout
from fraud_operator.api.spec import FraudModelSpec, Resources
from fraud_operator.api.status import FraudModelStatus


class RunState(StrEnum):
    """How far a Job has come."""

    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """Why a run failed: one word, and its own last lines."""

    reason: str
    message: str


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        ref: the bundle.
        data_until: event time at which its data ends.
        metrics: on the rows that tested it.
        parent_version: the champion that it was compared with.
    """

    ref: BundleRef
    data_until: datetime
    metrics: Mapping[str, float]
    parent_version: str | None = None


@dataclass(frozen=True)
class Measured:
    """What is known of one version's alerts.

    Attributes:
        labels: how many have a label.
        precision: the share of frauds among these.
        low, high: ends of its interval of 95 %; None also where an older trainer measured.
    """

    labels: int = 0
    precision: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Waiting:
    """What a pod waits for before its container runs.

    Attributes:
        since: when the pod was made.
        reason: one word.
        message: Kubernetes' own text, if it has any.
    """

    since: datetime
    reason: str
    message: str = ""


@dataclass(frozen=True)
class Run:
    """A Job, by its run id.

    Attributes:
        state: how far it is.
        attempt: pods that were tried, the running one included; none of a Job that the server refused.
        trained: of a training that succeeded.
        measured: of an analysis that succeeded, by version.
        failure: of one that failed.
        waiting: of an active one whose container does not run yet.
        job_name: of the Job; empty where the server refused it.
    """

    state: RunState
    attempt: int = 1
    trained: Trained | None = None
    measured: Mapping[str, Measured] = field(default_factory=dict)
    failure: Failure | None = None
    waiting: Waiting | None = None
    job_name: str = ""


@dataclass(frozen=True)
class Model:
    """A FraudModel as it is in Kubernetes.

    Attributes:
        fault: what of its spec is not understood; `spec` has the default there, which nobody asked for.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created: datetime
    spec: FraudModelSpec
    status: FraudModelStatus
    fault: str | None = None

    @property
    def manager(self) -> str:
        """What a rollout says of who manages it."""
        return f"{self.namespace}/{self.name}/{self.uid}"


@dataclass(frozen=True)
class Recent:
    """What detectors have counted in the last part of a step.

    Attributes:
        since: when that part began.
        workers: reports with what was counted since.
    """

    since: datetime
    workers: tuple[WorkerStatus, ...]


@dataclass(frozen=True)
class World:
    """All else that there is.

    Attributes:
        now: wall-clock time, UTC.
        rollout: the pipeline's latest; None if it has none.
        workers: fresh reports of the pipeline's detectors.
        partitions: of the input; None while it is not known.
        runs: Jobs of this FraudModel by run id.
        unmade: why Jobs could not be made when that was last tried, by run id.
        labels: records on the labels' topic, as its end offsets say; None while not known.
        older: name of an older FraudModel of the same pipeline, which wins.
        foreign: namespace and name of a FraudModel of another namespace that manages the rollout; whether it
            is still there can't be seen from here.
        found: bundles of the store by version, as far as a pinned version needed them.
        deleted: digests of bundles that this process has deleted.
        recent: the last part of the present step; None while too little is known of it.
        watched_since: from when on this process has seen what detectors count in the present step; None where
            it need not.
    """

    now: datetime
    rollout: Rollout | None = None
    workers: tuple[WorkerStatus, ...] = ()
    partitions: int | None = None
    runs: Mapping[str, Run] = field(default_factory=dict)
    unmade: Mapping[str, str] = field(default_factory=dict)
    labels: int | None = None
    older: str | None = None
    foreign: str | None = None
    found: Mapping[str, BundleRef] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    recent: Recent | None = None
    watched_since: datetime | None = None


@dataclass(frozen=True)
class WriteRollout:
    """Write this rollout, if the latest is still the one that the plan was made for.

    Attributes:
        rollout: the next one; its generation is one more than that of the one before, where there is one.
        after: generation of the one before; None where there is none.
    """

    rollout: Rollout
    after: int | None


@dataclass(frozen=True)
class StartJob:
    """Make the Job, unless it is there.

    Attributes:
        run_id: its label.
        job_name: its name.
        arguments: of `fraudstream`.
        retries: further pods after the first.
        deadline_s: of all of them together.
        resources: what a pod asks for.
    """

    run_id: str
    job_name: str
    arguments: tuple[str, ...]
    retries: int
    deadline_s: int
    resources: Resources


@dataclass(frozen=True)
class StopJob:
    """Delete the Job and its pods, if they are there."""

    job_name: str


@dataclass(frozen=True)
class DeleteBundle:
    """Delete a bundle, if it is there."""

    ref: BundleRef


Act = WriteRollout | StartJob | StopJob | DeleteBundle


@dataclass(frozen=True)
class Event:
    """Something that happened, as `kubectl describe` shows it."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Plan:
    """What to do: first write the status, then the acts in order, then tell the events."""

    status: FraudModelStatus
    acts: tuple[Act, ...] = ()
    events: tuple[Event, ...] = ()
