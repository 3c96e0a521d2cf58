"""The report of a training as one HTML file, nothing fetched from anywhere."""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from fraud_core.errors import ConfigError
from fraud_trainer.budget import BY_RULE
from fraud_trainer.quality import Judged, alerting, equal_bins
from fraud_trainer.run import Training

SIZE = (6.4, 3.2)
OF_BUDGET = ("alert_rate_model", "alert_rate_rules", "alert_rate_union")
GOOD, BAD, PLAIN, PALE = "#2f7d5b", "#c0392b", "#34495e", "#a9b4bf"


def write_page(path: Path, training: Training, warnings: Sequence[str]) -> None:
    """Write the page.

    Raises:
        ConfigError: it can't be written.
    """
    environment = Environment(
        loader=PackageLoader("fraud_local.train"), autoescape=True, undefined=StrictUndefined
    )
    metrics = training.bundle.manifest.metrics
    ours = {name: value for name, value in metrics.items() if not name.startswith("champion_")}
    budget = [name for name in ours if name in OF_BUDGET or name.startswith(BY_RULE)]
    page = environment.get_template("report.html.j2").render(
        manifest=training.bundle.manifest,
        published=training.published,
        champion=training.champion,
        metrics=[
            (name, value, metrics.get(f"champion_{name}"))
            for name, value in ours.items()
            if name not in budget
        ],
        shares=[(name, ours[name]) for name in budget],
        scoring_us=training.scoring_us,
        warnings=warnings,
        plots=_plots(training.judged) if training.judged else [],
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} can't be written ({error.strerror}). Name another file.") from error


def _plots(judged: Judged) -> list[tuple[str, str]]:
    plots = [
        ("Precision and recall at every threshold", _precision_recall),
        ("ROC", _roc),
        ("Scores", _scores),
    ]
    if judged.probabilities is not None:
        plots.append(("Calibration", _calibration))
    return [(title, _drawn(judged, draw)) for title, draw in plots]


def _drawn(judged: Judged, draw: Callable[[Judged, Axes], None]) -> str:
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=SIZE, layout="constrained")
        draw(judged, figure.subplots())
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=140)
    return base64.b64encode(content.getvalue()).decode()


def _precision_recall(judged: Judged, axes: Axes) -> None:
    weights = judged.weights
    precision, recall, _ = precision_recall_curve(judged.frauds, judged.scores, sample_weight=weights)
    axes.step(recall, precision, where="post", color=PLAIN)
    if judged.alerts.any():
        at = alerting(judged.alerts, judged.frauds, weights)
        axes.plot(at["recall"], at["precision"], "o", color=BAD, label="at the threshold")
        axes.legend(frameon=False)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")


def _roc(judged: Judged, axes: Axes) -> None:
    false, true, _ = roc_curve(judged.frauds, judged.scores, sample_weight=judged.weights)
    axes.plot(false, true, color=PLAIN)
    axes.set_xlabel("share of legitimate ones above the threshold")
    axes.set_ylabel("share of frauds")


def _scores(judged: Judged, axes: Axes) -> None:
    edges = np.linspace(0.0, 1.0, 41).tolist()
    frauds, scores, weights = judged.frauds, judged.scores, judged.weights
    axes.hist(scores[~frauds], edges, weights=weights[~frauds], color=PALE, label="legitimate")
    axes.hist(scores[frauds], edges, weights=weights[frauds], color=BAD, rwidth=0.6, label="fraud")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel("score")
    axes.legend(frameon=False)


def _calibration(judged: Judged, axes: Axes) -> None:
    probabilities = np.asarray(judged.probabilities)
    bins = equal_bins(probabilities, judged.weights)
    said = [float(np.average(probabilities[rows], weights=inside)) for rows, inside in bins]
    found = [float(np.average(judged.frauds[rows], weights=inside)) for rows, inside in bins]
    axes.plot(said, found, "o-", color=GOOD)
    axes.axline((0, 0), slope=1, color=PALE, linewidth=1)
    axes.set_xlabel("probability said")
    axes.set_ylabel("share of frauds")
