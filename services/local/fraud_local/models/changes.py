"""Writes the next rollout, unless a FraudModel manages it, and waits until the workers run it."""

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fraud_core.connect.records import WorkerStatus
from fraud_core.errors import ConfigError
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.rollouts.records import CLI, calmed, promoted
from fraud_core.rollouts.writing import write_rollout
from fraud_local.models.place import Place

LOOK_S = 0.05

Change = Callable[[Rollout], Rollout]
Spec = dict[str, Any]


@dataclass(frozen=True)
class Applied:
    """What a change came to.

    Attributes:
        rollout: that was written.
        workers: what the living workers report.
    """

    rollout: Rollout
    workers: list[WorkerStatus]

    @property
    def running(self) -> int:
        """Workers that run it."""
        return sum(status.rollout_generation == self.rollout.generation for status in self.workers)

    @property
    def problems(self) -> dict[str, str]:
        """Worker -> why it does not run it, or not all of it."""
        return {status.worker: status.rollout_problem for status in self.workers if status.rollout_problem}

    @property
    def seconds(self) -> float | None:
        """From the rollout until the last worker ran it, by their clocks; None where not all do."""
        if not 0 < len(self.workers) == self.running:
            return None
        last = max(status.reported_at for status in self.workers)
        return max((last - self.rollout.issued_at).total_seconds(), 0.0)


def change(
    place: Place, change: Change, spec: Callable[[Rollout], Spec], wait_s: float, *, take_over: bool = False
) -> Applied:
    """Write what follows on the latest rollout, and wait so long for the workers.

    Args:
        place: the pipeline.
        change: gives the next rollout from the latest.
        spec: of a FraudModel, gives what does the same, where one manages the pipeline.
        wait_s: 0 does not wait.
        take_over: write it though a FraudModel manages the pipeline, for one that is gone.

    Raises:
        ConfigError: a FraudModel manages it, or there is nothing to change.
        UnavailableError: Kafka can't be reached, or somebody else writes at this time.
    """

    def following(latest: Rollout | None) -> Rollout:
        known = latest or Rollout(place.pipeline, 0)
        if known.managed_by != CLI and not take_over:
            raise ConfigError(_managed(known, spec(known)))
        return change(replace(known, managed_by=CLI))

    written = write_rollout(place.settings, place.pipeline, following)
    assert written is not None  # noqa: S101 - `following` always gives one
    return _awaited(place, written, wait_s)


SHADOW_SPEC: Spec = {"rollout": {"shadow": "24h"}}
"""What lets a FraudModel shadow its candidate for a day."""


def canary_spec(weight: float) -> Spec:
    """What lets a FraudModel stop at a canary of this percentage until a person approves."""
    steps = [{"weight": max(1, round(weight)), "pause": {"manual": True}}]
    return {"rollout": {"canary": {"steps": steps}}}


def rolled_back(rollout: Rollout) -> Rollout:
    """The challenger given up, or else the champion before this one.

    Raises:
        ConfigError: there is neither.
    """
    if rollout.challenger:
        return calmed(rollout)
    if rollout.previous is None:
        raise ConfigError(
            f"{rollout.pipeline} has no challenger to give up and no earlier champion to return to. "
            "`fraudstream models promote VERSION` lets another version decide."
        )
    return promoted(rollout, rollout.previous)


def challenger_of(rollout: Rollout, what: str) -> BundleRef:
    """The challenger.

    Raises:
        ConfigError: there is none.
    """
    if rollout.challenger is None:
        raise ConfigError(
            f"{rollout.pipeline} has no challenger to {what}. Name a version: `fraudstream models list` "
            "shows which there are."
        )
    return rollout.challenger


def _managed(rollout: Rollout, spec: Spec) -> str:
    namespace, _, rest = rollout.managed_by.partition("/")
    name = rest.partition("/")[0]
    patch = shlex.quote(json.dumps({"spec": spec}))
    return (
        f"The FraudModel {name} in namespace {namespace} manages {rollout.pipeline}, and would undo this. "
        f"Change it there:\n  kubectl --namespace {namespace} patch fraudmodel {name} --type merge "
        f"--patch {patch}\n"
        "If it was deleted while no operator ran: promote and rollback have --take-over."
    )


def _awaited(place: Place, rollout: Rollout, wait_s: float) -> Applied:
    until = time.monotonic() + wait_s
    with place.board() as board:
        while True:
            applied = Applied(rollout, board.workers(place.pipeline))
            if time.monotonic() >= until or applied.running == len(applied.workers) > 0:
                return applied
            if applied.problems and applied.running + len(applied.problems) >= len(applied.workers):
                return applied
            time.sleep(LOOK_S)
