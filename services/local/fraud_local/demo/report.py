"""The static HTML report that a demo leaves behind: one file, nothing fetched from anywhere."""

import base64
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fraud_core.errors import ConfigError
from fraud_local.demo.figures import BINS, LATENCY_BOUNDS_MS, Detection
from fraud_local.demo.model import Model
from fraud_local.demo.sentence import closing
from fraud_local.demo.session import Session

GOOD, BAD, PLAIN, PALE = "#2f7d5b", "#c0392b", "#34495e", "#a9b4bf"
SIZE = (6.4, 3.2)


def write_report(session: Session, model: Model, path: Path) -> Path:
    """Write the report; returns its path.

    Raises:
        ConfigError: it can't be written.
    """
    environment = Environment(
        loader=PackageLoader("fraud_local.demo"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(_content(session, model))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The report {path} can't be written ({error.strerror}). Choose another place with --data-dir."
        ) from error
    return path


def _content(session: Session, model: Model) -> dict[str, Any]:
    figures = session.figures
    rows = [
        (name.replace("_", " "), ours, theirs) for name, (ours, theirs) in sorted(figures.scenarios.items())
    ]
    return {
        "made_at": datetime.now(UTC),
        "sentence": closing(figures),
        "figures": figures,
        "session": session,
        "model": model,
        "p50": figures.latency.quantile(0.5),
        "p99": figures.latency.quantile(0.99),
        "scenarios": rows,
        "ours": figures.detection,
        "theirs": figures.tutorial,
        "rules": session.rules.most_common(),
        "alerts": list(session.alerts)[::-1],
        "plots": _plots(session),
    }


def _plots(session: Session) -> list[tuple[str, str]]:
    figures = session.figures
    plots = [("Transactions a second", _drawn(session, _throughput))]
    if figures.latency.counts.any():
        plots.append(("Latency of live decisions", _drawn(session, _latency)))
    if figures.legitimate.any():
        plots.append(("Scores of live transactions", _drawn(session, _scores)))
    if figures.scenarios:
        plots.append(("Frauds caught, by scenario", _drawn(session, _by_scenario)))
    return plots


def _drawn(session: Session, draw: Any) -> str:  # noqa: ANN401 - one of the functions below
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=SIZE, layout="constrained")
        draw(session, figure.subplots())
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=140)
    return base64.b64encode(content.getvalue()).decode()


def _throughput(session: Session, axes: Axes) -> None:
    at = np.array([moment.at for moment in session.moments])
    whole = np.arange(0, max(at[-1], 2.0), 1.0)
    for name, colour in (("produced", PALE), ("arrived", PLAIN)):
        totals = np.array([getattr(moment, name) for moment in session.moments])
        rate = np.diff(np.interp(whole, at, totals))
        axes.step(whole[1:], rate, where="pre", color=colour, label="decided" if name == "arrived" else name)
    axes.set_yscale("symlog", linthresh=100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds")
    axes.legend(frameon=False)


def _latency(session: Session, axes: Axes) -> None:
    counts = session.figures.latency.counts
    shares = np.cumsum(counts) / counts.sum()
    upper = np.append(LATENCY_BOUNDS_MS, LATENCY_BOUNDS_MS[-1])
    seen = np.flatnonzero(counts)
    window = slice(max(1, seen[0] - 1), seen[-1] + 1)
    axes.plot(upper[window], 100 * shares[window], color=PLAIN)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds from the record's timestamp until its decision was visible")
    axes.set_ylabel("% of decisions")


def _scores(session: Session, axes: Axes) -> None:
    edges = np.linspace(0.0, 1.0, BINS + 1)[:-1]
    axes.bar(
        edges,
        session.figures.legitimate,
        width=1 / BINS,
        align="edge",
        color=PALE,
        label="not known to be fraud",
    )
    axes.bar(edges, session.figures.fraud, width=0.6 / BINS, align="edge", color=BAD, label="fraud")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel("score")
    axes.set_ylabel("transactions")
    axes.legend(frameon=False)


def _by_scenario(session: Session, axes: Axes) -> None:
    found: list[tuple[str, tuple[Detection, Detection]]] = sorted(session.figures.scenarios.items())
    places = np.arange(len(found))
    for offset, index, colour, label in (
        (0.2, 0, GOOD, "Fraudstream"),
        (-0.2, 1, PALE, "the tutorial's rules"),
    ):
        shares = [100 * (pair[index].recall or 0.0) for _, pair in found]
        axes.barh(places + offset, shares, height=0.36, color=colour, label=label)
    axes.set_yticks(places, [f"{name.replace('_', ' ')} ({pair[0].frauds})" for name, pair in found])
    axes.set_xlim(0, 100)
    axes.set_xlabel("% caught")
    axes.legend(frameon=False, loc="lower right")
