"""What a model does on rows that it did not learn from, as numbers between 0 and 1 for the manifest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from fraud_core.models.inputs import Floats
from fraud_trainer.budget import BY_RULE

Mask = NDArray[np.bool_]
Names = NDArray[np.object_]
BUDGETS = (0.005, 0.01, 0.02)


def alert_shares(alerts: Mask, rule_alerts: Mask | None, rules: Names | None = None) -> dict[str, float]:
    """Share of the window that the model, the rules, and either of them call fraudulent.

    With `rules`, the names of those that did for each row, joined by commas, each rule's own share too.
    """
    shares = {"alert_rate_model": _share(alerts)}
    if rule_alerts is not None:
        shares |= {
            "alert_rate_rules": _share(rule_alerts),
            "alert_rate_union": _share(alerts | rule_alerts),
        }
    return shares | ({} if rules is None else _each_rule(rules))


def _each_rule(rules: Names) -> dict[str, float]:
    fired, counts = np.unique(rules[rules != ""].astype(str), return_counts=True)
    found = dict[str, float]()
    for together, count in zip(fired.tolist(), counts.tolist(), strict=True):
        for name in together.split(","):
            found[BY_RULE + name] = found.get(BY_RULE + name, 0.0) + count / len(rules)
    return dict(sorted(found.items()))


def against_labels(scores: Floats, alerts: Mask, frauds: Mask) -> dict[str, float]:
    """How well scores and alerts find frauds; empty where there are none to find."""
    if not frauds.any():
        return {}
    found = {
        "average_precision": float(average_precision_score(frauds, scores)),
        "recall": _share(alerts[frauds]),
    }
    if alerts.any():
        found["precision"] = _share(frauds[alerts])
    return found | {f"recall_at_{budget:g}": _recall_at(scores, frauds, budget) for budget in BUDGETS}


def _recall_at(scores: Floats, frauds: Mask, budget: float) -> float:
    highest = np.argsort(-scores, kind="stable")[: int(budget * len(scores))]
    return float(frauds[highest].sum() / frauds.sum())


def _share(mask: NDArray[Any]) -> float:
    return float(mask.mean()) if len(mask) else 0.0
