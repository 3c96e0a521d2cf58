"""What the demo says at its end, for programs."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fraud_local.demo.figures import Detection, Figures
from fraud_local.demo.ledger import Balance
from fraud_local.demo.model import Model
from fraud_local.demo.session import Session


@dataclass(frozen=True)
class Result:
    """A finished run."""

    session: Session
    balance: Balance
    model: Model
    report: Path | None
    startup_s: float


def as_json(result: Result) -> dict[str, Any]:
    """The final object: produced is classified, alerts, dead_lettered and undecided together."""
    session, figures = result.session, result.session.figures
    ended = session.feed.ended
    return {
        "produced": figures.produced,
        "classified": figures.outcomes["classified"],
        "alerts": figures.outcomes["alert"],
        "dead_lettered": figures.outcomes["dead_letter"],
        **asdict(result.balance),
        "rejected": ended.summary.rejected if ended else 0,
        "labels": session.labels,
        "latency_ms": {
            "p50": figures.latency.quantile(0.50),
            "p99": figures.latency.quantile(0.99),
        },
        "duration_s": round(session.live_seconds, 3),
        "total_s": round(session.last_arrival - session.began, 3),
        "startup_s": round(result.startup_s, 3),
        "live": figures.live,
        "live_per_s": round(figures.live / session.live_seconds, 1) if session.live_seconds else None,
        "detection": _detection(figures.detection),
        "tutorial": _detection(figures.tutorial),
        "scenarios": _scenarios(figures),
        "alert_rules": dict(session.rules),
        "model": asdict(result.model),
        "report": str(result.report) if result.report else None,
    }


def _detection(found: Detection) -> dict[str, float | int | None]:
    return {
        "frauds": found.frauds,
        "caught": found.caught,
        "precision": found.precision,
        "alert_rate": found.alert_rate,
        "recall": found.recall,
        "money_stopped": found.money_stopped,
        "judged": found.judged,
        "alerts": found.alerts,
    }


def _scenarios(figures: Figures) -> dict[str, dict[str, int]]:
    return {
        name: {"frauds": ours.frauds, "caught": ours.caught, "tutorial_caught": theirs.caught}
        for name, (ours, theirs) in sorted(figures.scenarios.items())
    }
