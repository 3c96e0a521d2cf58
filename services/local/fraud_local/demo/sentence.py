"""The one sentence that the demo ends with, computed from what happened."""

from fraud_local.demo.figures import Detection, Figures


def closing(figures: Figures) -> str:
    """What was caught, at what price, and what the tutorial's rules would have done on the same stream."""
    ours, theirs = figures.detection, figures.tutorial
    if not figures.live:
        return f"Decided {figures.arrived:,} transactions, none of them live yet: nothing to judge."
    if not ours.judged:
        return f"Decided {figures.live:,} transactions, {_rate(figures)}; nobody knows which were fraud."
    if not ours.frauds:
        return (
            f"No fraud among {ours.judged:,} transactions; {_share(ours.alert_rate)} of them were alerts "
            f"(the tutorial's rules: {_share(theirs.alert_rate)})."
        )
    return (
        f"Caught {ours.caught:,} of {ours.frauds:,} frauds, {_share(ours.money_stopped)} of the money, with "
        f"{_share(ours.alert_rate)} alerts; the tutorial's rules: {_outcome(theirs)}."
    )


def _outcome(theirs: Detection) -> str:
    return f"{theirs.caught:,} of {theirs.frauds:,} with {_share(theirs.alert_rate)}"


def _rate(figures: Figures) -> str:
    alerts = figures.outcomes["alert"]
    return f"{alerts:,} of them alerts ({_share(alerts / figures.arrived)})"


def _share(share: float | None) -> str:
    """Per cent, with one decimal below ten."""
    if share is None:
        return "no"
    percent = 100 * share
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"  # noqa: PLR2004 - as documented
