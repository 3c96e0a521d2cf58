"""What workers and labels say of a candidate: limits that are broken, and evidence that is missing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fraud_core.rollouts import Limits, Mode, Rollout, bounds
from fraud_core.rollouts.comparison import Comparison, VersionFigures, compared
from fraud_operator.api.base import spelled
from fraud_operator.api.spec import Analysis, Inconclusive
from fraud_operator.api.status import AnalysisStatus
from fraud_operator.planning.world import World

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Verdict:
    """About the candidate, as far as it runs.

    Attributes:
        broken: limits that it breaks, with the figures.
        evidence: transactions of the present step, by workers that run it: scored in the shadow, decided in
            a canary. One that starts anew counts anew, so it is never too many.
        figures: what is known of it, in words; empty if nothing.
        watched_since: as `World.watched_since`.
    """

    broken: tuple[str, ...] = ()
    evidence: int = 0
    figures: str = ""
    watched_since: datetime | None = None


def judged(limits: Analysis, version: str, world: World, precision: AnalysisStatus | None) -> Verdict:
    """Judge the candidate by its present step alone, all of it and the last part: by workers and labels."""
    rollout = world.rollout
    if rollout is None or rollout.challenger is None or rollout.challenger.version != version:
        return Verdict()
    comparison = compared(world.workers, rollout.generation)
    tried = comparison.challenger
    if tried is None or tried.version != version:
        return Verdict()
    broken = _limits(limits, comparison) or _lately(limits, rollout, world)
    broken = [*_errors(tried), *_precision(limits, precision), *broken]
    figures = _figures(limits, comparison, tried)
    return Verdict(tuple(broken), _evidence(rollout, tried), figures, world.watched_since)


def of_workers(limits: Analysis) -> Limits:
    """What workers drop a candidate for by themselves, at once."""
    return Limits(max(1, limits.min_decisions), limits.max_alert_rate, limits.max_scoring_microseconds)


def missing_labels(limits: Analysis, precision: AnalysisStatus | None) -> str | None:
    """What the labels lack for a canary step to pass; None if nothing, or if that is no matter."""
    if limits.min_labels == 0 or limits.inconclusive is Inconclusive.CONTINUE:
        return None
    ours, theirs = (precision.labels, precision.champion_labels) if precision else (0, 0)
    if ours < limits.min_labels:
        return f"{ours:,} of {limits.min_labels:,} labelled alerts (Inconclusive)"
    if theirs < limits.min_labels:
        return f"{theirs:,} of {limits.min_labels:,} labelled alerts of the champion (Inconclusive)"
    return None


def _evidence(rollout: Rollout, tried: VersionFigures) -> int:
    return tried.scored if rollout.mode is Mode.SHADOW else tried.decided


def _errors(tried: VersionFigures) -> list[str]:
    dropped = [f"{worker} dropped it: {why.rstrip('.')}" for worker, why in sorted(tried.dropped.items())]
    return dropped[:1] or ([f"it failed on {tried.errors:,} batches"] if tried.errors else [])


def _lately(limits: Analysis, rollout: Rollout, world: World) -> list[str]:
    """What the last part of the step breaks by itself, however well all before it went."""
    if world.recent is None:
        return []
    span = world.now - world.recent.since
    place = f"in the last {spelled(span - span % MINUTE if span > MINUTE else span)}"
    return [f"{place} {said}" for said in _limits(limits, compared(world.recent.workers, rollout.generation))]


def _limits(limits: Analysis, comparison: Comparison) -> list[str]:
    tried, champion = comparison.challenger, comparison.champion
    if tried is None or tried.scored < max(1, limits.min_decisions):
        return []
    differing = bounds.share(tried.disagreements, tried.scored)
    return [
        *bounds.broken_alone(of_workers(limits), tried),
        *bounds.above("its disagreement with the champion", differing, limits.max_disagreement),
        *bounds.above("the PSI of its scores", _psi(comparison), limits.max_score_psi),
        *bounds.above_champions(
            "its alert rate", _alert_rate(tried), _alert_rate(champion), limits.max_alert_rate_ratio
        ),
        *_slower(tried, champion, limits.max_scoring_ratio),
    ]


def _alert_rate(figures: VersionFigures | None) -> bounds.Estimate | None:
    return bounds.share(figures.alerts, figures.scored) if figures else None


def _psi(found: Comparison) -> bounds.Estimate | None:
    if found.psi is None or found.champion is None or found.challenger is None:
        return None
    return bounds.stability(
        found.psi, found.champion.scored, found.challenger.scored, len(found.challenger.scores)
    )


def _slower(tried: VersionFigures, champion: VersionFigures | None, most: float | None) -> list[str]:
    ours, theirs = tried.scoring_us, champion.scoring_us if champion else None
    if ours is None or not theirs or most is None or tried.scored < bounds.TIMED or ours <= most * theirs:
        return []
    return [f"its time to score over the champion's is {ours / theirs:.2f}, above {most:.2f}"]


def _precision(limits: Analysis, found: AnalysisStatus | None) -> list[str]:
    if found is None or limits.min_labels == 0:
        return []
    if min(found.labels, found.champion_labels) < limits.min_labels:
        return []
    ours = _measured(found.precision, found.precision_low, found.precision_high, found.labels)
    theirs = _measured(
        found.champion_precision,
        found.champion_precision_low,
        found.champion_precision_high,
        found.champion_labels,
    )
    return bounds.below_champions("its precision", ours, theirs, limits.min_precision_ratio)


def _measured(
    value: float | None, low: float | None, high: float | None, labels: int
) -> bounds.Estimate | None:
    if value is None:
        return None
    if low is None or high is None:  # an older trainer told none: as if all labels weighed alike
        low, high = bounds.wilson(value, labels, bounds.LIKELY)
    return bounds.Estimate(value, low, high, f"{labels:,} labelled alerts")


def _figures(limits: Analysis, comparison: Comparison, tried: VersionFigures) -> str:
    parts = [f"{tried.scored:,} scored", f"{tried.decided:,} decided"]
    if tried.alert_rate is not None:
        theirs = comparison.champion.alert_rate if comparison.champion else None
        beside = "" if theirs is None else f" (champion {theirs:.2%})"
        parts.append(f"alert rate {tried.alert_rate:.2%}{beside}")
    if comparison.psi is not None:
        parts.append(f"PSI {comparison.psi:.3f}")
    ratios = (limits.max_alert_rate_ratio, limits.max_scoring_ratio)
    if comparison.champion is None and any(ratio is not None for ratio in ratios):
        parts.append("no champion for maxAlertRateRatio and maxScoringRatio")
    return ", ".join(parts)
