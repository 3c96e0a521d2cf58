"""One FraudModel, from what is wanted and what is to what must be done next."""

from datetime import datetime

from fraud_operator.api.status import ConditionStatus, FraudModelStatus
from fraud_operator.planning import conditions, precision, rollout, training, versions
from fraud_operator.planning.analysis import judged
from fraud_operator.planning.progress import Progress, advanced, pinned
from fraud_operator.planning.readiness import Readiness, readiness
from fraud_operator.planning.versions import ref_of
from fraud_operator.planning.world import Act, Model, Plan, RunState, StopJob, World

Status = FraudModelStatus


def reconcile(model: Model, world: World) -> Plan:
    """What to do now. Doing it and asking again comes to rest; so does doing a part of it, or nothing."""
    if world.older is not None:
        message = f"{world.older} is older and manages {model.spec.pipeline}; delete one of the two."
        return _taken(model, world, message)
    if world.foreign is not None:
        return _taken(model, world, _foreign(model, world))
    status = rollout.adopted(model.status, world)
    status = precision.observed(training.observed(status, world), world)
    failed = precision.failed(model.status, status)
    status = training.started(model, status, world)
    status, progress = _rolled(model, status, world)
    status, write = rollout.written(model, status, world)
    ready = _ready(status, world)
    status = precision.started(model, precision.applied(status, world, ready), world)
    status, deletions = (status, ()) if model.fault else versions.collected(status, model.spec, world)
    status = status.model_copy(update={"next_training_time": training.upcoming(model, status)})
    status = conditions.described(model, status, progress, ready, world.now)
    jobs = (training.job(model, status, world), precision.job(model, status, world))
    acts: tuple[Act | None, ...] = (*_stopped(status, world), write, *jobs, *deletions)
    return Plan(
        status,
        tuple(act for act in acts if act is not None),
        (*failed, *conditions.changes(model.status.conditions, status.conditions)),
    )


def _rolled(model: Model, status: Status, world: World) -> tuple[Status, Progress]:
    if pin := ref_of(status, model.spec.pinned_version, world):
        return pinned(status, pin, world)
    version = status.candidate_version or ""
    verdict = judged(model.spec.rollout.analysis, version, world, status.analysis)
    return advanced(model, status, world, verdict, readiness(world))


def _stopped(status: Status, world: World) -> tuple[StopJob, ...]:
    """Jobs that still run and that nobody waits for: each look finds them, so no kill lets one go on."""
    awaited = {each.run_id for each in (status.training, status.analysis) if each}
    return tuple(
        StopJob(run.job_name)
        for run_id, run in sorted(world.runs.items())
        if run.state is RunState.ACTIVE and run_id not in awaited
    )


def _ready(status: Status, world: World) -> Readiness:
    """Ready is said of the rollout that is wanted, not of one that is about to be replaced."""
    found = readiness(world)
    wanted = status.rollout_generation
    if not found.ready or world.rollout is None or world.rollout.generation == wanted:
        return found
    return Readiness(
        ConditionStatus.FALSE, "RolloutNotApplied", f"Rollout {wanted} is being written.", found.replicas
    )


def unplanned(model: Model, world: World, why: str) -> Plan:
    """What is said where no plan can be made; what runs goes on."""
    message = f"No plan can be made, and nothing is judged: {why}"
    said = ("Progressing", ConditionStatus.FALSE, "PlanFailed", message)
    before = model.status.conditions
    told = conditions.told(before, said, model.generation, world.now)
    return Plan(model.status.model_copy(update={"conditions": told}), (), conditions.changes(before, told))


def unseen(model: Model, now: datetime) -> FraudModelStatus:
    """The status while brokers are away: what detectors run is not known, and nothing else is said anew."""
    before = model.status.conditions
    if not any(one.type == "Ready" and one.status is ConditionStatus.TRUE for one in before):
        return model.status
    message = "Kafka is not reached, so what detectors run is not known; the operator's log has the reason."
    said = ("Ready", ConditionStatus.UNKNOWN, "KafkaUnavailable", message)
    return model.status.model_copy(
        update={"conditions": conditions.told(before, said, model.generation, now)}
    )


def _foreign(model: Model, world: World) -> str:
    """Whose the pipeline is, and how it is taken over where that one is gone."""
    champion = world.rollout.champion if world.rollout else None
    promote = f"fraudstream models promote {champion.version} --take-over" if champion else ""
    by_hand = f", or run `{promote}` in a detector's pod" if promote else ""
    return (
        f"The FraudModel {world.foreign} manages {model.spec.pipeline}, in a namespace that can't be seen "
        "from here; delete one of the two. Where that one is gone already, upgrade this release once with "
        f"--set setup.takeOver=true{by_hand}."
    )


def _taken(model: Model, world: World, message: str) -> Plan:
    """Two for one pipeline: the one that has it keeps it."""
    refused = Progress(ConditionStatus.FALSE, "PipelineTaken", message)
    ready = Readiness(ConditionStatus.FALSE, "PipelineTaken", message)
    status = conditions.described(model, model.status, refused, ready, world.now)
    return Plan(status, (), conditions.changes(model.status.conditions, status.conditions))
