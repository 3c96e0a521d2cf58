"""What a model does on rows that it did not learn from, as numbers between 0 and 1 for the manifest."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from fraud_core.models.inputs import Floats
from fraud_trainer.budget import BY_RULE

Mask = NDArray[np.bool_]
Names = NDArray[np.object_]
BUDGETS = (0.005, 0.01, 0.02)


def alert_shares(
    alerts: Mask, rule_alerts: Mask | None, rules: Names | None = None, weights: Floats | None = None
) -> dict[str, float]:
    """Share of the traffic that the model, the rules, and either of them call fraudulent.

    Args:
        alerts: rows on which the model alerts.
        rule_alerts: rows on which a rule does; None leaves rules out.
        rules: names of those that do for each row, joined by commas; with them each rule's own share is told.
        weights: how many transactions of the traffic each row stands for; None for one.
    """
    mass = np.ones(len(alerts)) if weights is None else weights
    shares = {"alert_rate_model": share(alerts, mass)}
    if rule_alerts is not None:
        shares |= {
            "alert_rate_rules": share(rule_alerts, mass),
            "alert_rate_union": share(alerts | rule_alerts, mass),
        }
    return shares | ({} if rules is None else _each_rule(rules, mass))


def _each_rule(rules: Names, mass: Floats) -> dict[str, float]:
    by_rule = rules != ""
    fired, place = np.unique(rules[by_rule].astype(str), return_inverse=True)
    masses = np.bincount(place, weights=mass[by_rule], minlength=len(fired))
    found = dict[str, float]()
    for together, here in zip(fired.tolist(), masses.tolist(), strict=True):
        for name in together.split(","):
            found[BY_RULE + name] = found.get(BY_RULE + name, 0.0) + here / float(mass.sum())
    return dict(sorted(found.items()))


def against_labels(scores: Floats, alerts: Mask, frauds: Mask) -> dict[str, float]:
    """How well scores and alerts find frauds; empty where there are none to find."""
    if not frauds.any():
        return {}
    found = {
        "average_precision": float(average_precision_score(frauds, scores)),
        "recall": float(alerts[frauds].mean()),
    }
    if alerts.any():
        found["precision"] = float(frauds[alerts].mean())
    return found | {f"recall_at_{budget:g}": _recall_at(scores, frauds, budget) for budget in BUDGETS}


def _recall_at(scores: Floats, frauds: Mask, budget: float) -> float:
    highest = np.argsort(-scores, kind="stable")[: int(budget * len(scores))]
    return float(frauds[highest].sum() / frauds.sum())


def share(mask: Mask, weights: Floats) -> float:
    """Of the transactions that rows stand for; 0 where there are none."""
    return float((weights * mask).sum() / weights.sum()) if len(mask) else 0.0
