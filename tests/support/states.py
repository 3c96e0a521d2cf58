"""A FraudModel in every state, as the operator's plans make it."""

from collections.abc import Callable
from dataclasses import replace

from fraud_operator.planning import Model, reconcile
from fraud_operator.planning.world import Measured
from tests.support.fraud_models import QUICK, Universe, spec

MANUAL = {"shadow": "1m", "canary": {"steps": [{"weight": 20, "pause": {"manual": True}}]}}


def _fresh() -> Universe:
    return Universe(spec(**QUICK))


def _training() -> Universe:
    found = _fresh()
    found.slow_jobs = True
    found.tick(2)
    return found


def _not_started() -> Universe:
    found = _training()
    found.hold_up("ImagePullBackOff", 'Back-off pulling image "fraudstream-trainer:1"')
    found.tick()
    return found


def _failed() -> Universe:
    found = _fresh()
    found.trains = [None]
    found.until("NotEnoughSamples", "Trained")
    return found


def _until(reason: str, kind: str = "Progressing") -> Universe:
    found = _fresh()
    found.until(reason, kind)
    return found


def _gated() -> Universe:
    found = Universe(spec(**QUICK, gates=[{"metric": "recall", "min": 0.7}]))
    found.until("GateFailed")
    return found


def _canary() -> Universe:
    found = _fresh()
    while found.status.canary_weight != 10:
        found.tick()
    found.tick()
    return found


def _labels() -> Universe:
    found = Universe(spec(rollout=QUICK["rollout"] | {"analysis": {"minLabels": 100, "interval": "1m"}}))
    found.measured = {"one": Measured(42, 0.5), "baseline": Measured(120, 0.4)}
    while not (found.status.analysis and found.status.canary_weight):
        found.tick()
    found.tick(2)
    return found


def _approval() -> Universe:
    found = Universe(spec(rollout=MANUAL))
    found.until("AwaitingApproval")
    return found


def _edited() -> Universe:
    found = _approval()
    found.change(rollout={"shadow": "1m", "canary": {"steps": [{"weight": 15, "pause": {"manual": True}}]}})
    found.tick()
    return found


def _silent() -> Universe:
    found = _canary()
    found.workers = ()
    found.tick()
    return found


def rolled_back() -> Universe:
    """Its candidate alerted too often in the canary."""
    found = _canary()
    found.alert_share = 0.4
    found.until("RolledBack")
    found.tick()
    return found


def promoted() -> Universe:
    """Its candidate decides."""
    found = _until("Promoted", "Promoted")
    found.tick()
    return found


def _pinned() -> Universe:
    found = promoted()
    found.change(pinnedVersion="baseline")
    found.tick(2)
    return found


def _paused() -> Universe:
    found = _canary()
    found.change(paused=True)
    found.tick()
    return found


def _invalid() -> Universe:
    found = Universe(spec(**QUICK, training={"schedule": "weekly"}))
    found.tick()
    return found


STATES: dict[str, Callable[[], Universe]] = {
    "training": _training,
    "training-held-up": _not_started,
    "training-failed": _failed,
    "gate-failed": _gated,
    "shadow": lambda: _until("Pausing"),
    "canary": _canary,
    "waits-for-evidence": lambda: _until("AwaitingEvidence"),
    "waits-for-labels": _labels,
    "waits-for-approval": _approval,
    "step-edited": _edited,
    "workers-silent": _silent,
    "paused": _paused,
    "promoted": promoted,
    "rolled-back": rolled_back,
    "pinned": _pinned,
    "invalid-spec": _invalid,
}


def models() -> list[tuple[str, Model]]:
    """Each by the name of its state."""
    found = [(name, make().model) for name, make in STATES.items()]
    second = _fresh()
    plan = reconcile(second.model, replace(second.world, older="first"))
    second.status = plan.status
    return [*found, ("pipeline-taken", second.model)]
