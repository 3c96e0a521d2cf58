"""Rows to train on from a history of one's own, through the engine that detectors run."""

from datetime import datetime

from fraud_core.errors import InputError
from fraud_core.rules import RuleSet
from fraud_local.backtest.engine import replayed
from fraud_local.left_out import said_with_errors
from fraud_producer.replay import History
from fraud_trainer.logged import OnRows
from fraud_trainer.rows import Rows
from fraud_trainer.run import MILLISECOND, Span


def from_file(history: History, span: Span, rules: RuleSet, on_rows: OnRows) -> tuple[Rows, datetime]:
    """The transactions of a file, with features and rules as the engine has them, and when is trained.

    Raises:
        InputError: the file can't be read, or ends before the window does, or hardly any of it is in there.
    """
    with said_with_errors(history.left_out):
        return _from_file(history, span, rules, on_rows)


def _from_file(history: History, span: Span, rules: RuleSet, on_rows: OnRows) -> tuple[Rows, datetime]:
    until = span.until or history.last + MILLISECOND
    start = until - span.label_delay - span.window
    if until - span.label_delay <= history.first:
        raise InputError(
            f"{history.path} begins on {history.first:%Y-%m-%d %H:%M}, so the training window would end "
            f"before "
            "it; give a later --until or a shorter --label-delay."
        )
    if span.until is None and start > history.late and _is_lopsided(history):
        raise InputError(
            f"{history.path} ends on {history.last:%Y-%m-%d}, and 95% of its transactions are before "
            f"{history.late:%Y-%m-%d %H:%M}, so hardly any are in the training window: "
            "are the last dates right? If so, name when is trained: --until."
        )
    rows = replayed(
        history,
        rules,
        label_delay=span.label_delay,
        keep_from=start,
        on_rows=lambda done: on_rows(done, history.rows),
    )
    return rows, until


def _is_lopsided(history: History) -> bool:
    """Whether nearly all is in the first half of the time; a long history's last month is little, too."""
    return 2 * (history.late - history.first) < history.last - history.first
