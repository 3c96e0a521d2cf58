"""How well scores tell frauds from the rest: the measures of the Fraud Detection Handbook and a few more."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud_core.models.inputs import Floats
from fraud_core.rollouts.bounds import weighted
from fraud_trainer.evaluation import Mask, share

DAY_MS = 86_400_000
CARDS = 100
BINS = 10


@dataclass(frozen=True)
class Judged:
    """Transactions whose truth is known, with what a model said of them.

    Attributes:
        scores: higher is riskier.
        frauds: the truth.
        times: event times, ms.
        users: whose they are.
        alerts: which the model called fraudulent.
        rule_alerts: which a rule called fraudulent.
        scenarios: kind of fraud, "" where unknown.
        weights: how many transactions of the traffic each stands for: 1, or more where a sample was kept.
        probabilities: calibrated, or None.
    """

    scores: Floats
    frauds: Mask
    times: NDArray[np.int64]
    users: NDArray[np.int64]
    alerts: Mask
    rule_alerts: Mask
    scenarios: NDArray[np.object_]
    weights: Floats
    probabilities: Floats | None = None

    @property
    def sampled(self) -> bool:
        """Whether only a share of the traffic is here."""
        return bool((self.weights != 1.0).any())


def ranking(judged: Judged) -> dict[str, float]:
    """ROC AUC, average precision and card precision; empty without frauds or without others.

    Of a sample there is no card precision: users whose transactions were left out can't be ranked.
    """
    frauds, scores, weights = judged.frauds, judged.scores, judged.weights
    if frauds.all() or not frauds.any():
        return {}
    found = {
        "roc_auc": float(roc_auc_score(frauds, scores, sample_weight=weights)),
        "average_precision": float(average_precision_score(frauds, scores, sample_weight=weights)),
    }
    return found if judged.sampled else found | {f"card_precision_at_{CARDS}": card_precision(judged)}


def card_precision(judged: Judged, cards: int = CARDS) -> float:
    """Mean over the days of the share of frauds' victims among so many users with the highest scores.

    A user who was among them on a day of a fraud of theirs is known from then on, and left out on later days.
    """
    found: set[int] = set()
    shares = []
    days = judged.times // DAY_MS
    for day in np.unique(days).tolist():
        here = np.flatnonzero(days == day)
        order = here[np.argsort(-judged.scores[here], kind="stable")]
        _, first = np.unique(judged.users[order], return_index=True)
        ranked = judged.users[order[np.sort(first)]].tolist()
        picked = [user for user in ranked if user not in found][:cards]
        hit = set(picked) & set(judged.users[here][judged.frauds[here]].tolist())
        shares.append(len(hit) / cards)
        found |= hit
    return float(np.mean(shares))


def alerting(alerts: Mask, frauds: Mask, weights: Floats) -> dict[str, float]:
    """Share of alerts, and how well they find frauds, where there is something to divide by."""
    figures = {"alert_rate": share(alerts, weights)}
    if frauds.any():
        figures["recall"] = share(alerts[frauds], weights[frauds])
    if alerts.any():
        figures["precision"] = share(frauds[alerts], weights[alerts])
    return figures


def reviewed_recall(alerts: Mask, frauds: Mask, weights: Floats) -> dict[str, float]:
    """Recall among what is reviewed, frauds weighing one over the probability of review.

    With its interval of 95 %. Empty without frauds.
    """
    if not frauds.any():
        return {}
    recall, low, high = weighted(alerts[frauds], weights[frauds])
    return {"reviewed_recall": recall, "reviewed_recall_low": low, "reviewed_recall_high": high}


def by_scenario(alerts: Mask, judged: Judged) -> dict[str, dict[str, float]]:
    """Frauds and the share of them that were alerts, by kind of fraud."""
    kinds = [kind for kind in np.unique(judged.scenarios[judged.frauds]).tolist() if kind]
    rows = {kind: judged.frauds & (judged.scenarios == kind) for kind in kinds}
    return {
        kind: {"frauds": float(mask.sum()), "recall": share(alerts[mask], judged.weights[mask])}
        for kind, mask in rows.items()
    }


def calibration(judged: Judged) -> dict[str, float]:
    """Brier score, and the mean distance of probability from share over ten equal bins by rank.

    Empty without probabilities.
    """
    if judged.probabilities is None or not judged.frauds.size:
        return {}
    error, weights = judged.probabilities - judged.frauds, judged.weights
    bins = equal_bins(judged.probabilities, weights)
    distances = [abs(float(np.average(error[rows], weights=inside))) for rows, inside in bins]
    return {
        "brier": float(np.average(error**2, weights=weights)),
        "calibration_error": float(np.mean(distances)),
    }


def equal_bins(probabilities: Floats, weights: Floats) -> list[tuple[NDArray[np.int64], Floats]]:
    """Rows by rank in bins of as many transactions each, and how many of a row's are inside.

    As `numpy.array_split` would split them if each row stood there as often as it weighs; empty bins are
    left out.
    """
    order = np.argsort(probabilities, kind="stable")
    ends = np.cumsum(weights[order])
    total = max(1, round(float(ends[-1])))
    sizes = [total // BINS + (number < total % BINS) for number in range(BINS)]
    edges = np.cumsum([0, *sizes]) * (float(ends[-1]) / total)
    found = []
    for low, high in zip(edges.tolist(), edges.tolist()[1:], strict=False):
        inside = np.minimum(ends, high) - np.maximum(ends - weights[order], low)
        here = inside > 0
        if here.any():
            found.append((order[here], inside[here]))
    return found
