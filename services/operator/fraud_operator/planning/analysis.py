"""What workers and labels say of a candidate: limits that are broken, and evidence that is missing."""

from dataclasses import dataclass

from fraud_core.rollouts import Mode, Rollout
from fraud_core.rollouts.comparison import Comparison, VersionFigures, compared
from fraud_operator.api.spec import Analysis, Inconclusive
from fraud_operator.api.status import AnalysisStatus
from fraud_operator.planning.world import World


@dataclass(frozen=True)
class Verdict:
    """About the candidate, as far as it runs.

    Attributes:
        broken: limits that it breaks, with the figures.
        evidence: transactions of the present step, by workers that run it: scored in the shadow, decided in
            a canary. One that starts anew counts anew, so it is never too many.
        figures: what is known of it, in words; empty if nothing.
    """

    broken: tuple[str, ...] = ()
    evidence: int = 0
    figures: str = ""


def judged(limits: Analysis, version: str, world: World, precision: AnalysisStatus | None) -> Verdict:
    """Judge the candidate by its present step alone: by the workers that run it, and by labels."""
    rollout = world.rollout
    if rollout is None or rollout.challenger is None or rollout.challenger.version != version:
        return Verdict()
    comparison = compared(world.workers, rollout.generation)
    tried = comparison.challenger
    if tried is None or tried.version != version:
        return Verdict()
    broken = [*_errors(tried), *_precision(limits, precision)]
    if tried.scored >= max(1, limits.min_decisions):
        broken += _limits(limits, comparison, tried)
    return Verdict(tuple(broken), _evidence(rollout, tried), _figures(comparison, tried))


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


def _limits(limits: Analysis, comparison: Comparison, tried: VersionFigures) -> list[str]:
    champion = comparison.champion
    checks = [
        ("its alert rate", tried.alert_rate, limits.max_alert_rate, ".2%"),
        ("its mean time to score in µs", tried.scoring_us, limits.max_scoring_microseconds, ".4g"),
        ("its disagreement with the champion", comparison.disagreement, limits.max_disagreement, ".2%"),
        ("the PSI of its scores", comparison.psi, limits.max_score_psi, ".3f"),
        (
            "its alert rate over the champion's",
            _ratio(tried.alert_rate, champion.alert_rate if champion else None),
            limits.max_alert_rate_ratio,
            ".2f",
        ),
        (
            "its time to score over the champion's",
            _ratio(tried.scoring_us, champion.scoring_us if champion else None),
            limits.max_scoring_ratio,
            ".2f",
        ),
    ]
    return [
        f"{name} is {value:{form}}, above {limit:{form}}"
        for name, value, limit, form in checks
        if value is not None and limit is not None and value > limit
    ]


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None


def _precision(limits: Analysis, found: AnalysisStatus | None) -> list[str]:
    if found is None or limits.min_labels == 0 or found.labels < limits.min_labels:
        return []
    ours, theirs = found.precision, found.champion_precision
    if ours is None or theirs is None or found.champion_labels < limits.min_labels:
        return []
    if ours >= limits.min_precision_ratio * theirs:
        return []
    share = f"{limits.min_precision_ratio:.2f} of the champion's {theirs:.2%}"
    return [f"its precision is {ours:.2%} of {found.labels:,} labelled alerts, below {share}"]


def _figures(comparison: Comparison, tried: VersionFigures) -> str:
    parts = [f"{tried.scored:,} scored", f"{tried.decided:,} decided"]
    if tried.alert_rate is not None:
        theirs = comparison.champion.alert_rate if comparison.champion else None
        beside = "" if theirs is None else f" (champion {theirs:.2%})"
        parts.append(f"alert rate {tried.alert_rate:.2%}{beside}")
    if comparison.psi is not None:
        parts.append(f"PSI {comparison.psi:.3f}")
    return ", ".join(parts)
