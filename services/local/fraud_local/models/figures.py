"""Champion and challenger side by side, for people and for programs."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fraud_core.rollouts import Rollout
from fraud_core.rollouts.comparison import Comparison, VersionFigures
from fraud_local.models import telling
from fraud_trainer import judged

COLUMNS = frozenset({"champion", "challenger"})


def contents(rollout: Rollout, found: Comparison, precision: dict[str, judged.Precision]) -> dict[str, Any]:
    """The report for programs."""
    return {
        "rollout": telling.rollout_json(rollout),
        "champion": _version(found, "champion", precision),
        "challenger": _version(found, "challenger", precision),
        "psi": found.psi,
        "disagreement": found.disagreement,
    }


def _version(found: Comparison, role: str, precision: dict[str, judged.Precision]) -> dict[str, Any] | None:
    figures = getattr(found, role)
    if figures is None:
        return None
    derived = {"alert_rate": figures.alert_rate, "scoring_us": figures.scoring_us}
    known = precision.get(figures.version)
    return asdict(figures) | derived | {"precision": asdict(known) if known else None}


def lines(found: Comparison, precision: dict[str, judged.Precision]) -> list[str]:
    """The report for people."""
    told = telling.table(rows(found, precision), COLUMNS)
    if found.psi is not None:
        told += [
            "",
            f"PSI of the scores {found.psi:.3f}: below 0.1 alike, above 0.25 different.",
            f"The two disagree on {found.disagreement or 0:.3%} of the transactions.",
        ]
    return told


def rows(found: Comparison, precision: dict[str, judged.Precision]) -> list[telling.Row]:
    """A row a figure, a column a version."""
    columns = {"champion": found.champion, "challenger": found.challenger}
    figures: dict[str, Callable[[VersionFigures], object]] = {
        "version": lambda one: one.version,
        "threshold": lambda one: None if one.threshold is None else f"{one.threshold:.5f}",
        "workers": lambda one: one.workers,
        "scored": lambda one: f"{one.scored:,}",
        "decided": lambda one: f"{one.decided:,}",
        "alert rate": lambda one: _percent(one.alert_rate),
        "errors": lambda one: one.errors,
        "scoring, us": lambda one: None if one.scoring_us is None else f"{one.scoring_us:.2f}",
        "precision": lambda one: _precision(precision.get(one.version)),
    }
    return [
        {"": name} | {role: tell(one) if one else None for role, one in columns.items()}
        for name, tell in figures.items()
    ]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.3%}"


def _precision(known: judged.Precision | None) -> str | None:
    if known is None or known.value is None:
        return f"no label yet of {known.alerts:,} alerts" if known and known.alerts else None
    return (
        f"{known.value:.1%} ({known.low:.1%} to {known.high:.1%}, {known.labelled:,} of {known.alerts:,} "
        "labelled)"
    )
