"""The rollout that a status asks for, and what must be written for it."""

from dataclasses import replace

from fraud_core.rollouts import Limits, Mode, Rollout, records
from fraud_operator.api.status import FraudModelStatus, Outcome
from fraud_operator.planning.analysis import of_workers
from fraud_operator.planning.versions import noted, ref_of
from fraud_operator.planning.world import Model, World, WriteRollout

Status = FraudModelStatus
ISSUER = "fraudstream operator"


def adopted(status: Status, world: World) -> Status:
    """A new FraudModel takes over the rollout that it finds: its champion, and what decided before."""
    found = world.rollout
    if status.rollout_generation is not None or found is None:
        return status
    for ref in (found.previous, found.champion):
        if ref is not None:
            status = noted(status, ref, Outcome.ADOPTED, world.now, "It was found in the pipeline.")
    return status.model_copy(
        update={
            "stable_version": found.champion.version if found.champion else None,
            "previous_version": found.previous.version if found.previous else None,
            "rollout_generation": found.generation,
        }
    )


def written(model: Model, status: Status, world: World) -> tuple[Status, WriteRollout | None]:
    """Announce the generation that is wanted, and write it if it is not the latest."""
    wanted = _wanted(model, status, world)
    latest = world.rollout
    if latest is None and wanted.champion is None and wanted.challenger is None:
        return status, None  # setup writes the first one, and knows which baseline there is
    if latest is not None and _same(wanted, latest):
        return status.model_copy(update={"rollout_generation": latest.generation}), None
    after = latest.generation if latest else None
    generation = (after or 0) + 1
    act = WriteRollout(replace(wanted, generation=generation, issued_at=world.now), after)
    return status.model_copy(update={"rollout_generation": generation}), act


def released(rollout: Rollout) -> Rollout:
    """What follows where its FraudModel is gone: no challenger, and the champion goes on deciding."""
    return records.released(rollout, ISSUER)


def _wanted(model: Model, status: Status, world: World) -> Rollout:
    trying = status.current_step is not None and status.candidate_version is not None
    challenger = ref_of(status, status.candidate_version, world) if trying else None
    weight = status.canary_weight if challenger else 0
    mode = Mode.NONE if challenger is None else Mode.CANARY if weight else Mode.SHADOW
    return Rollout(
        pipeline=model.spec.pipeline,
        generation=0,
        champion=ref_of(status, status.stable_version, world),
        challenger=challenger,
        previous=ref_of(status, status.previous_version, world),
        mode=mode,
        canary_weight=float(weight),
        step=status.current_step if challenger else None,
        limits=of_workers(model.spec.rollout.analysis) if challenger else Limits(),
        managed_by=model.manager,
        issued_by=ISSUER,
    )


def _same(wanted: Rollout, latest: Rollout) -> bool:
    """Whether it says the same, whoever wrote it and when."""
    return replace(wanted, generation=0, issued_at=latest.issued_at, issued_by=None) == replace(
        latest, generation=0, issued_by=None
    )
