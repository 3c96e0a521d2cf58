"""The demo without a screen: a line now and then on standard error."""

import sys
import time
from collections.abc import Callable

from fraud_local.demo.session import Session

EVERY_S = 5.0


def lines() -> Callable[[Session], None]:
    """A line each five seconds, and one whenever the phase changes."""
    told, phase = 0.0, ""

    def show(session: Session) -> None:
        nonlocal told, phase
        now = time.monotonic()
        if now - told < EVERY_S and session.phase == phase:
            return
        told, phase = now, session.phase
        sys.stderr.write(_line(session) + "\n")
        sys.stderr.flush()

    return show


def _line(session: Session) -> str:
    figures = session.figures
    clock = f"{session.event_time:%Y-%m-%d %H:%M}" if session.event_time else "-"
    text = (
        f"{session.phase:7} {clock}  {figures.produced:,} produced, {figures.arrived:,} decided "
        f"({session.per_second:,.0f}/s), {figures.outcomes['alert']:,} alerts, "
        f"{session.ledger.undecided:,} waiting"
    )
    p50 = figures.latency.quantile(0.5)
    if p50 is not None:
        text += f", p50 {p50:,.0f} ms"
    if figures.detection.frauds:
        text += f", {figures.detection.caught} of {figures.detection.frauds} frauds caught"
    return text
