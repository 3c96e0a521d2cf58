"""The live screen of the demo."""

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.align import Align
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fraud_core.features.words import factor_sentences
from fraud_local.demo.figures import BINS, Detection
from fraud_local.demo.session import Session

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 118
SHOWN_ALERTS = 8
PHASES = {
    "history": "replaying history, flat out",
    "live": "live",
    "ending": "ending: waiting for what is on its way",
    "over": "over",
}

Look = dict[str, str]
"""What to look at while it runs: title and address."""


@contextmanager
def live_view(look: Look) -> Iterator[Callable[[Session], None]]:
    """A screen that is drawn anew each time what is yielded is called."""
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=False) as live:
        yield lambda session: live.update(screen(session, look), refresh=True)


def save_picture(session: Session, look: Look, path: Path) -> None:
    """Write the screen as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(screen(session, look))
    svg = console.export_svg(title="fraudstream demo")
    # Without the fonts that rich would have a browser fetch; the picture names its fallback itself.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


def screen(session: Session, look: Look) -> RenderableType:
    """Everything at a glance."""
    top = Table.grid(expand=True)
    top.add_column(ratio=1)
    top.add_column(ratio=1)
    top.add_row(_flow(session), _truth(session))
    return Group(_header(session), top, _alerts(session), _look(look))


def _header(session: Session) -> RenderableType:
    clock = f"{session.event_time:%a %d %b %Y %H:%M} UTC" if session.event_time else "-"
    total = session.feed.plan.total
    text = Text.assemble(
        ("fraudstream demo", "bold"),
        "   simulated time " if total is None else "   event time ",
        (clock, "cyan"),
        f"   {PHASES[session.phase]}",
    )
    if total is None:
        return text
    return Group(text, ProgressBar(total=total, completed=session.figures.arrived))


def _flow(session: Session) -> Panel:
    figures = session.figures
    latency = figures.latency if figures.live else figures.history_latency
    table = Table.grid(padding=(0, 2))
    table.add_row("transactions", f"{figures.produced:,} produced")
    table.add_row("decided", f"{figures.arrived:,} ({session.per_second:,.0f}/s)")
    table.add_row("alerts", f"{figures.outcomes['alert']:,}")
    table.add_row("dead letters", f"{figures.outcomes['dead_letter']:,}")
    table.add_row("lag", f"{session.ledger.undecided:,} not yet decided")
    table.add_row("latency", f"p50 {_ms(latency.quantile(0.5))}, p99 {_ms(latency.quantile(0.99))}")
    table.add_row("labels", f"{session.labels:,}")
    table.add_row("scores, legitimate", Text(_bars(figures.legitimate.tolist()), "green"))
    table.add_row("scores, fraud", Text(_bars(figures.fraud.tolist()), "red"))
    return Panel(table, title="the stream", box=box.ROUNDED)


def _bars(counts: list[int]) -> str:
    """Counts by score from 0 to 1, on a logarithmic scale up to their own peak."""
    peak = max(counts, default=0)
    if not peak:
        return "·" * BINS
    return "".join(BARS[round(8 * math.log1p(count) / math.log1p(peak))] for count in counts)


def _truth(session: Session) -> Panel:
    figures = session.figures
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("fraud (live part)")
    table.add_column("caught", justify="right")
    table.add_column("tutorial's rules", justify="right")
    for name, (ours, theirs) in sorted(figures.scenarios.items()):
        table.add_row(name.replace("_", " "), _of(ours), _of(theirs))
    ours, theirs = figures.detection, figures.tutorial
    table.add_row("all frauds", _of(ours), _of(theirs), style="bold")
    table.add_row("fraud money stopped", _share(ours.money_stopped), _share(theirs.money_stopped))
    table.add_row("precision", _share(ours.precision), _share(theirs.precision))
    table.add_row("alerts", _share(ours.alert_rate), _share(theirs.alert_rate))
    return Panel(table if ours.judged else _nobody_knows(), title="the truth", box=box.ROUNDED)


def _nobody_knows() -> RenderableType:
    return Align.center("nothing judged yet, or nobody knows what is fraud here", style="dim")


def _alerts(session: Session) -> Panel:
    table = Table(box=None, padding=(0, 1), expand=True, header_style="bold")
    for name in ("time", "user", "amount", "place", "score", "reasons"):
        table.add_column(
            name, no_wrap=name != "reasons", justify="right" if name in {"amount", "score"} else "left"
        )
    for row in list(session.alerts)[-SHOWN_ALERTS:][::-1]:
        score = row["score"]
        table.add_row(
            f"{row['timestamp']:%d %b %H:%M:%S}",
            row["user"],
            f"{row['amount']:,.2f} {row['currency'] or ''}",
            row["location"] or "?",
            "-" if score is None else f"{score:.4f}",
            _why(row),
        )
    return Panel(table, title="latest alerts", box=box.ROUNDED)


def _why(row: Mapping[str, Any]) -> Text:
    """The reasons, and what moved the model's score most."""
    factors = factor_sentences((row.get("top_factors") or [])[:1])
    return Text.assemble(", ".join(row["reason"]), *((f"\n{factor}", "dim") for factor in factors))


def _look(look: Look) -> RenderableType:
    return Columns(
        [Text.assemble((f"{name} ", "dim"), where) for name, where in look.items()], padding=(0, 3)
    )


def _of(found: Detection) -> str:
    return f"{found.caught:,} of {found.frauds:,}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:,.0f} ms"
