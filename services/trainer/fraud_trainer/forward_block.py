"""Judges a training inside its window: by a model like the final one that is fitted to the beginning.

In order of time: what that model learns from, a gap of one label delay, validation rows, test rows. The model
knows the labels that were known when the gap ended. Score map, calibration and threshold come from the
validation rows, and all figures from the test rows, which nothing was fitted to. Where there is too little
for that, less is done, and `Block.evaluation` says what.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.isotonic import IsotonicRegression

from fraud_core.models.calibration import Calibration
from fraud_core.models.inputs import Floats
from fraud_core.models.loaded import LoadedModel
from fraud_core.models.manifest import Evaluation, Scenario
from fraud_core.models.score_map import ScoreMap, apply, fit
from fraud_trainer import quality
from fraud_trainer.evaluation import Mask
from fraud_trainer.fitting import Fitted
from fraud_trainer.quality import DAY_MS
from fraud_trainer.rows import Rows, Targets, targets

SHARE = 0.25
"""Of the training window that validation and test take, half each."""
FEWEST_ROWS, FEWEST_FRAUDS = 100, 10
"""Of each part; of others whose truth is known as many as of frauds."""
FitTo = Callable[[Rows, Targets], Fitted]
SetThreshold = Callable[[Floats, Rows, Calibration | None], float]


@dataclass(frozen=True)
class Layout:
    """Which rows of the training window are used for what.

    Attributes:
        before: the row before which the model learns.
        first: that from which is validated.
        middle: that from which is tested; None where all from `first` on serve for both.
        early: what the model learns of the rows before.
        late: what is known by now of the rows from `first` on.
        gap: between learning and validating, ms.
        in_time: whether `early` has only labels that were known when validation begins.
    """

    before: int
    first: int
    middle: int | None
    early: Targets
    late: Targets
    gap: int
    in_time: bool


@dataclass(frozen=True)
class Block:
    """What came of it.

    Attributes:
        score_map: of the validation rows.
        calibration: of their labels.
        scores: of the validation rows.
        validation: the validation rows.
        metrics: of the test rows.
        judged: the test rows whose truth is known.
        evaluation: how it was laid out, and recall by kind of fraud.
    """

    score_map: ScoreMap
    calibration: Calibration
    scores: Floats
    validation: Rows
    metrics: dict[str, float]
    judged: quality.Judged
    evaluation: Evaluation


def nothing(delay: int) -> Evaluation:
    """What is said where there is no block."""
    return Evaluation(
        label_delay_days=delay / DAY_MS,
        gap_days=0.0,
        validation_rows=0,
        validation_frauds=0,
        test_rows=0,
        test_frauds=0,
    )


def laid_out(
    rows: Rows, wanted: Targets, window: tuple[int, int], delay: int, maturity: int
) -> Layout | None:
    """How the rows of a window, from one moment in ms to before another, are used.

    The gap is left out where it would leave too little to learn from. Labels count for the model if they were
    known when validation begins; where too few were, as when all came in one go, those do that are known now.

    Args:
        rows: of the window.
        wanted: what is learned of them one label delay after the window.
        window: when it begins, and when it ends.
        delay: how long labels take, ms.
        maturity: age from which a transaction without a label is taken for legitimate, ms.

    Returns:
        None where there are too few frauds, or too few others whose truth is known.
    """
    start, end = window
    split, middle = end - round(SHARE * (end - start)), end - round(SHARE * (end - start) / 2)
    gap = delay if split - delay - start >= SHARE * (end - start) else 0
    before, first, between = np.searchsorted(rows.times, [split - gap, split, middle]).tolist()
    # What is old enough by now counts as legitimate then, too, unless it was younger than labels are.
    age = max(delay, maturity - (end + delay - split))
    then, late = targets(rows.slice(0, before), split, age), wanted.slice(first, len(rows))
    in_time = _enough(then)
    early = then if in_time else wanted.slice(0, before)
    if not _enough(early) or not _enough(late):
        return None
    cut = between - first
    parts = (late.slice(0, cut), late.slice(cut, late.frauds.size))
    apart = all(part.learned.size >= FEWEST_ROWS and _enough(part) for part in parts)
    return Layout(before, first, between if apart else None, early, late, gap, in_time)


def _enough(part: Targets) -> bool:
    others = part.learned & ~part.frauds
    return bool(min(part.frauds.sum(), others.sum()) >= FEWEST_FRAUDS)


def block(
    rows: Rows,
    layout: Layout,
    delay: int,
    fit_to: FitTo,
    set_threshold: SetThreshold,
    champion: LoadedModel | None,
) -> Block:
    """Fit to the beginning, validate, and test on what follows, the champion on the same rows.

    Args:
        rows: of the window.
        layout: which are used for what.
        delay: how long labels take, ms.
        fit_to: fits a model to rows and what is to be learned of them.
        set_threshold: from scores of rows, and what probabilities they mean, to a threshold.
        champion: loaded for the signals of these rows; None leaves out the comparison.
    """
    late, count = rows.slice(layout.first, len(rows)), len(rows) - layout.first
    raw = fit_to(rows.slice(0, layout.before), layout.early).raw(late.values)
    traffic = late.traffic()
    cut = None if layout.middle is None else layout.middle - layout.first
    validation, validated = late.slice(0, cut or count), layout.late.slice(0, cut or count)
    test, tested = late.slice(cut or 0, count), layout.late.slice(cut or 0, count)
    score_map = fit(raw[:cut], weights=traffic[:cut])
    scores, use = apply(raw, score_map.arrays()), validated.learned
    calibration = _calibrated(scores[:cut][use], validated.frauds[use], validation.weights[use])
    threshold = set_threshold(scores[:cut], validation, calibration)
    judged = _judged(scores[cut or 0 :], threshold, calibration, test, tested, traffic[cut or 0 :])
    figures = _figures(judged) | _of_reviewed(judged, test, tested.learned)
    if champion is not None:
        theirs = champion.score(test.values)[tested.learned]
        other = replace(judged, scores=theirs, alerts=theirs >= champion.threshold, probabilities=None)
        figures |= {f"champion_{name}": value for name, value in _figures(other).items()}
    evaluation = Evaluation(
        label_delay_days=delay / DAY_MS,
        gap_days=layout.gap / DAY_MS,
        labels_known_in_time=layout.in_time,
        test_apart=cut is not None,
        validation_rows=int(use.sum()),
        validation_frauds=int(validated.frauds.sum()),
        test_rows=int(tested.learned.sum()),
        test_frauds=int(tested.frauds.sum()),
        kept=1.0 / float(traffic.max()) if judged.sampled else None,
        scenarios={
            kind: Scenario(frauds=int(found["frauds"]), recall=found["recall"])
            for kind, found in quality.by_scenario(judged.alerts, judged).items()
        },
    )
    return Block(score_map, calibration, scores[:cut], validation, figures, judged, evaluation)


def _judged(
    scores: Floats,
    threshold: float,
    calibration: Calibration,
    test: Rows,
    truth: Targets,
    traffic: Floats,
) -> quality.Judged:
    use = truth.learned
    return quality.Judged(
        scores=scores[use],
        frauds=truth.frauds[use],
        times=test.times[use],
        users=test.users[use],
        alerts=(scores >= threshold)[use],
        rule_alerts=test.rule_alerts[use],
        scenarios=test.scenarios[use],
        weights=traffic[use],
        probabilities=calibration.apply(scores[use]),
    )


def _figures(judged: quality.Judged) -> dict[str, float]:
    alerting = quality.alerting(judged.alerts, judged.frauds, judged.weights)
    return quality.ranking(judged) | alerting | quality.calibration(judged)


def _of_reviewed(judged: quality.Judged, test: Rows, use: Mask) -> dict[str, float]:
    seen = test.reviewed[use]
    return quality.reviewed_recall(judged.alerts[seen], judged.frauds[seen], test.weights[use][seen])


def _calibrated(scores: Floats, frauds: Mask, weights: Floats) -> Calibration:
    found = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        scores, frauds.astype(np.float64), sample_weight=weights
    )
    knots, first = np.unique(found.X_thresholds_, return_index=True)
    return Calibration(
        score=tuple(knots.tolist()),
        probability=tuple(np.clip(np.maximum.accumulate(found.y_thresholds_[first]), 0.0, 1.0).tolist()),
    )
