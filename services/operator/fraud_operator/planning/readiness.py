"""Whether the workers run what is wanted: believed is only what fresh reports say."""

from dataclasses import dataclass

from fraud_core.connect.records import State, WorkerStatus
from fraud_core.rollouts import Rollout
from fraud_operator.api.status import ConditionStatus, Replicas
from fraud_operator.planning.world import World

HOLDING = {State.RUNNING, State.PAUSED}
SHOWN = 5
NOBODY = Replicas()


@dataclass(frozen=True)
class Readiness:
    """Whether every input partition is held by a fresh worker that runs the rollout's generation."""

    status: ConditionStatus
    reason: str
    message: str
    replicas: Replicas = NOBODY

    @property
    def ready(self) -> bool:
        """Whether it is."""
        return self.status is ConditionStatus.TRUE


def readiness(world: World) -> Readiness:
    """Judge the reports against the latest rollout."""
    rollout, workers = world.rollout, [status for status in world.workers if status.kind == "sink"]
    if rollout is None:
        return Readiness(
            ConditionStatus.FALSE, "NoRollout", "The pipeline has no rollout yet; setup writes the first one."
        )
    current = [status for status in workers if status.rollout_generation == rollout.generation]
    replicas = Replicas(updated=len(current), total=len(workers))
    if not workers:
        message = (
            "No detector of the pipeline reports. Does its release run, with this pipeline's name, and do "
            "the clocks agree?"
        )
        return Readiness(ConditionStatus.FALSE, "WorkersNotReporting", message, replicas)
    if world.partitions is None:
        message = "How many partitions the input has is not known yet."
        return Readiness(ConditionStatus.UNKNOWN, "PartitionsUnknown", message, replicas)
    missing = set(range(world.partitions)) - _held(current)
    if missing:
        message = f"{_missing(missing)} by a detector that runs rollout {rollout.generation}" + _why(workers)
        return Readiness(ConditionStatus.FALSE, _reason(rollout, workers), message, replicas)
    return Readiness(
        ConditionStatus.TRUE,
        "AllPartitionsServed",
        f"{len(current)} of {len(workers)} detectors run rollout {rollout.generation} and hold all "
        f"{world.partitions} partitions.",
        replicas,
    )


def _held(workers: list[WorkerStatus]) -> set[int]:
    return {task.id for status in workers for task in status.tasks if task.state in HOLDING}


def _missing(partitions: set[int]) -> str:
    first = ", ".join(map(str, sorted(partitions)[:SHOWN]))
    more = ", …" if len(partitions) > SHOWN else ""
    return f"Partition{'s' if len(partitions) > 1 else ''} {first}{more} not held"


def _reason(rollout: Rollout, workers: list[WorkerStatus]) -> str:
    behind = [status for status in workers if status.rollout_generation != rollout.generation]
    return "RolloutNotApplied" if behind else "PartitionsNotServed"


def _why(workers: list[WorkerStatus]) -> str:
    """What the first worker with a problem says."""
    problems = [status.rollout_problem for status in workers if status.rollout_problem]
    traces = [task.trace for status in workers for task in status.tasks if task.trace]
    found = [*problems, *traces]
    return f": {found[0].rstrip('.')}." if found else "."
