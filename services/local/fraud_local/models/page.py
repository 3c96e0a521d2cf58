"""The report of champion and challenger as one HTML file, nothing fetched from anywhere."""

import base64
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from fraud_core.errors import ConfigError
from fraud_core.rollouts import Rollout
from fraud_core.rollouts.comparison import Comparison

BINS = (*(f"{edge / 10:.1f}" for edge in range(1, 10)), ".95", ".99", ".999", "1")
COLOURS = {"champion": "#34495e", "challenger": "#2f7d5b"}


def write_page(
    path: Path, standing: str, rollout: Rollout, found: Comparison, rows: list[dict[str, Any]]
) -> None:
    """Write the page.

    Raises:
        ConfigError: it can't be written.
    """
    environment = Environment(
        loader=PackageLoader("fraud_local.models"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        made_at=datetime.now(UTC),
        standing=standing,
        rows=rows,
        found=found,
        limits=rollout.limits,
        plot=_scores(found),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} can't be written ({error.strerror}). Name another file.") from error


def _scores(found: Comparison) -> str | None:
    """Shares of scores below each bound, as a PNG in base64; None where nothing was scored."""
    versions = [one for one in (found.champion, found.challenger) if one and one.scored]
    if not versions:
        return None
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(BINS))
        for offset, one in zip((-0.2, 0.2), versions, strict=False):
            shares = 100 * np.array(one.scores) / one.scored
            axes.bar(places + offset, shares, width=0.4, color=COLOURS[one.role], label=one.role)
        axes.set_xticks(places, BINS)
        axes.set_xlabel("score below")
        axes.set_ylabel("% of transactions")
        axes.legend(frameon=False)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=140)
    return base64.b64encode(content.getvalue()).decode()
