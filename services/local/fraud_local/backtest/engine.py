"""From a history to features, signals and rule alerts: what the detector would have known."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from fraud_core.features import FEATURES, SideTables, State, advance
from fraud_core.features.side import Logins
from fraud_core.features.side.keys import SEED
from fraud_core.features.strings import hashes, text_of
from fraud_core.models.inputs import Floats
from fraud_core.rules import RuleSet, evaluate
from fraud_core.rules.frame import rule_frame
from fraud_producer.replay import LeftOut
from fraud_producer.slices import Slice
from fraud_trainer.evaluation import Names
from fraud_trainer.rows import Ints, Rows, joined

HOUR = timedelta(hours=1)
OnRows = Callable[[int], None]


class Past(Protocol):
    """A history or a simulation: slices in order of event time, as often as wanted."""

    @property
    def path(self) -> Path:
        """What it is, for messages."""

    @property
    def rows(self) -> int:
        """How many transactions it has."""

    @property
    def first(self) -> datetime:
        """Event time of the earliest, naive UTC."""

    @property
    def last(self) -> datetime:
        """Event time of the latest, naive UTC."""

    @property
    def late(self) -> datetime:
        """Event time by which 95% of them have happened."""

    @property
    def left_out(self) -> LeftOut | None:
        """What it has beside these, and nothing is made of."""

    @property
    def repeats(self) -> str | None:
        """In words, how many of its transactions have an id that an earlier one has."""

    def __iter__(self) -> Iterator[Slice]:
        """Yield the slices."""


def replayed(
    history: Past,
    rules: RuleSet,
    *,
    label_delay: timedelta,
    keep_from: datetime,
    changing: bool = False,
    on_rows: OnRows = lambda _: None,
) -> Rows:
    """Send the history through the engine, with labels as they become known.

    Args:
        history: transactions and their labels.
        rules: evaluated on each transaction.
        label_delay: cohorts of merchants and users end so long ago, at least an hour.
        changing: whether labels are replaced by later ones; then memory holds all of them.
        keep_from: earlier transactions are learned from by the features, and not kept.
        on_rows: called now and then with how many transactions are through.

    Raises:
        InputError: the file can't be read to its end.
        RuleError: a rule failed.
    """
    state, side = State(), SideTables(max(1, label_delay // HOUR))
    width = len(FEATURES) + len(rules.signals)
    values, parts, through, kept = np.empty((width, history.rows)), list[Rows](), 0, 0
    for piece in history:
        # Labels of the whole slice come first: each counts from its own moment on, whenever it is learned.
        # Where nobody takes a label back, those that say legitimate change nothing.
        side.labels.learn(piece.labels if changing else piece.labels.filter(pl.col("label") == "fraud"))
        if piece.logins is not None:
            side.logins = side.logins or Logins()
            side.learn_logins(piece.logins)
        frame = piece.transactions
        if not frame.height:
            continue
        computed = advance(state, frame, side)
        fired = evaluate(rules, rule_frame(frame, computed, rules.columns))
        first = int(frame["timestamp"].search_sorted(keep_from))
        here = values[:, kept : kept + frame.height - first]
        here[: len(FEATURES)] = computed.values[:, first:]
        here[len(FEATURES) :] = fired.signals()[:, first:]
        parts.append(_rows(piece, here, fired.alerting(), first, label_delay))
        through, kept = through + frame.height, kept + frame.height - first
        on_rows(through)
    return joined(parts, values[:, :kept], rules.signals)


def _rows(piece: Slice, values: Floats, alerts: Names, first: int, delay: timedelta) -> Rows:
    frame, truth = piece.transactions[first:], piece.truth[first:]
    times = frame["timestamp"].to_physical().to_numpy()
    labels = truth["fraud"].cast(pl.Int8).fill_null(-1).to_numpy()
    return Rows(
        values=values,
        times=times,
        labels=labels,
        known_at=_known_at(truth, times, delay),
        rules=alerts[first:],
        users=hashes(text_of(frame["user"]), SEED),
        weights=np.ones(len(times)),
        scenarios=truth["scenario"].fill_null("").to_numpy(),
        reviewed=np.zeros(len(times), dtype=bool),
        sources=np.where(labels < 0, "", "file").astype(object),
    )


def _known_at(truth: pl.DataFrame, times: Ints, delay: timedelta) -> Ints:
    """When labels became known, ms: as the history says, or so long after their transactions."""
    if "known_at" not in truth.columns:
        return times + delay // timedelta(milliseconds=1)
    found: Ints = truth["known_at"].to_physical().fill_null(0).to_numpy()
    return found
