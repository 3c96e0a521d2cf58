"""What a bench says at its end: ratios with their spread, figures, and where the detector's time goes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from fraud_local.bench.runs import Run

MICRO = 1e6
PEERS = ("passthrough", "tutorial", "quix", "record_by_record")


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of the rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of these values, at least one."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 2) -> str:
        """For people."""
        return f"{self.median:,.{digits}f}  ({self.least:,.{digits}f} to {self.greatest:,.{digits}f})"


def ratios(runs: dict[str, list[Run]]) -> dict[str, Spread]:
    """The detector's rate over each other path's, round by round."""
    return {
        peer: Spread.of(
            [
                ours.per_second / theirs.per_second
                for ours, theirs in zip(runs["detector"], runs[peer], strict=True)
            ]
        )
        for peer in PEERS
        if peer in runs
    }


def stages(runs: Sequence[Run]) -> dict[str, float]:
    """Median microseconds a transaction that each stage of the detector takes."""
    names = runs[0].result.stages
    return {
        name: statistics.median(run.result.stages[name] / run.records * MICRO for run in runs)
        for name in names
    }


def lines(runs: dict[str, list[Run]]) -> list[str]:
    """The report for people."""
    told = ["", "detector over          ratio  (least to greatest of the rounds)"]
    told += [f"  {peer:<18}{spread.text():>10}" for peer, spread in ratios(runs).items()]
    told += ["", "                                                  CPU a transaction, us"]
    told += ["path                transactions a second           own  broker's       records"]
    for path, made in runs.items():
        rate = Spread.of([run.per_second for run in made]).text(0)
        own, brokers = _cpu(made)
        told.append(f"  {path:<18}{rate:<30}{_or_dash(own):>5}{_or_dash(brokers):>10}{made[0].records:>14,}")
    if bound := bounds(runs).get("detector"):
        told += [
            "",
            f"With {_cores()} cores busy all the time the detector and its broker would do {bound:,.0f}/s.",
        ]
    spent = stages(runs["detector"])
    told += ["", "the detector's stages, us a transaction"]
    told += [f"  {name:<18}{value:>8.2f}" for name, value in spent.items()]
    total = statistics.median(run.result.seconds / run.records * MICRO for run in runs["detector"])
    told.append(f"  {'of':<18}{total:>8.2f}")
    return told


def bounds(runs: dict[str, list[Run]]) -> dict[str, float]:
    """Transactions a second of each path if all cores did nothing but its work and the broker's.

    Only of paths that say both.
    """
    spent = {path: _cpu(made) for path, made in runs.items()}
    return {
        path: MICRO * _cores() / (own + brokers) for path, (own, brokers) in spent.items() if own * brokers
    }


def _cores() -> int:
    return psutil.cpu_count() or 1


def _cpu(made: Sequence[Run]) -> tuple[float, float]:
    """Median microseconds of CPU a transaction: the path's own, and the broker's; 0 where nobody knows."""
    own = statistics.median(run.result.cpu_seconds / run.records * MICRO for run in made)
    return own, statistics.median(run.result.broker_cpu_seconds / run.records * MICRO for run in made)


def _or_dash(value: float) -> str:
    return f"{value:.1f}" if value else "-"


def as_json(runs: dict[str, list[Run]], about: dict[str, Any]) -> dict[str, Any]:
    """The report for programs."""
    return {
        "ratios": {peer: round(spread.median, 4) for peer, spread in ratios(runs).items()},
        "spread": {
            peer: [round(spread.least, 4), round(spread.greatest, 4)] for peer, spread in ratios(runs).items()
        },
        "per_second": {path: [round(run.per_second, 1) for run in made] for path, made in runs.items()},
        "records": {path: made[0].records for path, made in runs.items()},
        "outputs": {path: [run.outputs for run in made] for path, made in runs.items()},
        "cpu_us": {path: [round(each, 3) for each in _cpu(made)] for path, made in runs.items()},
        "bound_per_second": {path: round(bound, 1) for path, bound in bounds(runs).items()},
        "stages_us": {name: round(value, 3) for name, value in stages(runs["detector"]).items()},
        **about,
    }
