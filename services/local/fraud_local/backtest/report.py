"""A backtest in words and as a document for programs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from fraud_local.backtest.backtest import DAY, Backtest, Side
from fraud_producer.replay import LeftOut

Figures = Mapping[str, float]
RANKING = ("roc_auc", "average_precision", "card_precision_at_100")
ALERTING = ("alert_rate", "recall", "precision")
DIGITS = 4


def lines(found: Backtest) -> list[str]:
    """The report; its last line is `metrics: ` and the figures of the algorithm asked for, as JSON."""
    schedule = found.wanted.schedule
    until = schedule.test_from - schedule.label_delay
    often = f", then every {schedule.retrain / DAY:g} days" if schedule.retrain else ""
    delay = f"labels {schedule.label_delay / DAY:g} days late{often}"
    judged = f"{found.tested:,} from {schedule.test_from:%Y-%m-%d} on, {found.frauds:,} of them fraud"
    assumed = f", {found.unlabelled:,} without a label taken for legitimate" if found.unlabelled else ""
    warm_up = f"of these {found.warm_up / DAY:.1f} days of warm-up, never trained on"
    text = [
        f"history   {found.rows:,} transactions, {warm_up}",
        f"trained   on {found.trained:,} from {schedule.first:%Y-%m-%d} to {until:%Y-%m-%d}, {delay}",
        f"judged    {judged}{assumed}",
        *(f"warning   {warning}" for warning in found.warnings),
        "",
        *_table(found),
    ]
    scenarios = means(outcome.scenarios for outcome in found.sides[0].outcomes)
    if scenarios:
        text += ["", f"{'share of frauds found':<24} {'frauds':>8} {'model':>8} {'rules':>8} {'both':>8}"]
        text += [
            " ".join(
                [
                    f"{kind:<24} {one['frauds']:>8,.0f}",
                    *(f"{one[name]:>8.1%}" for name in ("model", "rules", "recall")),
                ]
            )
            for kind, one in scenarios.items()
        ]
    return [*text, "", f"metrics: {orjson.dumps(metrics(found.sides[0])).decode()}"]


def as_document(found: Backtest) -> dict[str, Any]:
    """All figures."""
    schedule, side = found.wanted.schedule, found.sides[0]
    document: dict[str, Any] = {
        "algorithm": found.wanted.algorithm,
        "seeds": list(found.wanted.seeds),
        "transactions": found.rows,
        "warm_up_days": round(found.warm_up / DAY, 3),
        "warnings": list(found.warnings),
        "rejected": rejected(found.left_out),
        "trained": {
            "from": schedule.first.isoformat(),
            "until": (schedule.test_from - schedule.label_delay).isoformat(),
            "transactions": found.trained,
            "versions": side.outcomes[0].versions,
        },
        "judged": {
            "from": schedule.test_from.isoformat(),
            "transactions": found.tested,
            "frauds": found.frauds,
            "unlabelled": found.unlabelled,
        },
        **_said(side),
    }
    if len(found.sides) > 1:
        document["against"] = {"name": found.sides[1].name, **_said(found.sides[1])}
    return document


def rejected(left_out: LeftOut | None) -> dict[str, Any]:
    """Rows that are no transactions, for programs."""
    if left_out is None:
        return {"rows": 0, "first": None, "listed": None}
    return {"rows": left_out.rows, "first": left_out.first, "listed": str(left_out.listed)}


def metrics(side: Side) -> dict[str, float]:
    """Means over the seeds, and with several the spread of each ranking: greatest minus least."""
    return _rounded(_mean([outcome.metrics for outcome in side.outcomes])) | _spreads(side)


def means(given: Iterable[Mapping[str, Figures]]) -> dict[str, dict[str, float]]:
    """Means of named figures over the seeds."""
    found = list(given)
    return {name: _mean([one[name] for one in found]) for name in found[0]}


def _said(side: Side) -> dict[str, Any]:
    outcomes = side.outcomes
    return {
        "metrics": metrics(side),
        "rules": _rounded(outcomes[0].rules),
        "union": _rounded(_mean([outcome.union for outcome in outcomes])),
        "members": _each(means(outcome.members for outcome in outcomes)),
        "scenarios": _each(means(outcome.scenarios for outcome in outcomes)),
        "by_seed": [_rounded(outcome.metrics) for outcome in outcomes],
    }


def _table(found: Backtest) -> list[str]:
    rows: list[tuple[str, Figures]] = []
    for side in found.sides:
        rows.append((side.name, metrics(side)))
        members = means(outcome.members for outcome in side.outcomes)
        rows += [(f"  {name}", figures) for name, figures in members.items()]
        rows.append(("  rules alone", side.outcomes[0].rules))
        rows.append(("  model or rules", _mean([outcome.union for outcome in side.outcomes])))
    heads = ("AUC", "AP", "CP@100", "alerts", "recall", "precision")
    width = max(len(name) for name, _ in rows)
    return [
        " ".join([" " * width, *(f"{head:>9}" for head in heads)]),
        *(" ".join([f"{name:<{width}}", *map(_cell, _cells(figures))]) for name, figures in rows),
    ]


def _cells(figures: Figures) -> list[float | None]:
    return [figures.get(name) for name in (*RANKING, *ALERTING)]


def _cell(value: float | None) -> str:
    return f"{'':>9}" if value is None else f"{value:>9.4f}"


def _mean(given: Sequence[Figures]) -> dict[str, float]:
    names = [name for name in given[0] if all(name in one for one in given)]
    return {name: float(np.mean([one[name] for one in given])) for name in names}


def _spreads(side: Side) -> dict[str, float]:
    if len(side.outcomes) == 1:
        return {}
    found = {name: [one.metrics[name] for one in side.outcomes if name in one.metrics] for name in RANKING}
    return {f"{name}_spread": round(max(all_) - min(all_), DIGITS) for name, all_ in found.items() if all_}


def _rounded(figures: Figures) -> dict[str, float]:
    return {name: round(value, 2 + DIGITS) for name, value in figures.items()}


def _each(given: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    return {name: _rounded(figures) for name, figures in given.items()}
