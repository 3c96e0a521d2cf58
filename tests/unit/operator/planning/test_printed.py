"""`kubectl get fm` in every state, and what `describe` shows, as golden files.

`FRAUD_TESTS_GOLDEN=write pytest tests/unit/operator/planning/test_printed.py` writes them anew.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fraud_operator.planning import Model, reconcile
from tests.support.fraud_models import QUICK, Universe, spec
from tests.support.printed import described, table

GOLDEN = Path(__file__).parents[1] / "golden"
MANUAL = {"shadow": "1m", "canary": {"steps": [{"weight": 20, "pause": {"manual": True}}]}}


def _fresh() -> Universe:
    return Universe(spec(**QUICK))


def _training() -> Universe:
    found = _fresh()
    found.slow_jobs = True
    found.tick(2)
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


def _approval() -> Universe:
    found = Universe(spec(rollout=MANUAL))
    found.until("AwaitingApproval")
    return found


def _silent() -> Universe:
    found = _canary()
    found.workers = ()
    found.tick()
    return found


def _rolled_back() -> Universe:
    found = _canary()
    found.alert_share = 0.4
    found.until("RolledBack")
    found.tick()
    return found


def _promoted() -> Universe:
    found = _until("Promoted", "Promoted")
    found.tick()
    return found


def _pinned() -> Universe:
    found = _promoted()
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
    "training-failed": _failed,
    "gate-failed": _gated,
    "shadow": lambda: _until("Pausing"),
    "canary": _canary,
    "waits-for-evidence": lambda: _until("AwaitingEvidence"),
    "waits-for-approval": _approval,
    "workers-silent": _silent,
    "paused": _paused,
    "promoted": _promoted,
    "rolled-back": _rolled_back,
    "pinned": _pinned,
    "invalid-spec": _invalid,
}


def _models() -> list[tuple[str, Model]]:
    found = [(name, make().model) for name, make in STATES.items()]
    second = _fresh()
    plan = reconcile(second.model, replace(second.world, older="first"))
    second.status = plan.status
    return [*found, ("pipeline-taken", second.model)]


def _is_golden(name: str, text: str) -> bool:
    file = GOLDEN / name
    if os.environ.get("FRAUD_TESTS_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8") == text


def test_get_shows_what_is_going_on_in_every_state() -> None:
    assert _is_golden("get.txt", table(_models()))


def test_describe_shows_a_promotion() -> None:
    assert _is_golden("promoted.yaml", described(_promoted().model))


def test_describe_shows_a_rollback_with_its_figures() -> None:
    assert _is_golden("rolled-back.yaml", described(_rolled_back().model))
