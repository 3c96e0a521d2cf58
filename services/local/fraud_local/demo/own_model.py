"""A model for a history of the user's own: fitted on its first third, without looking at any label.

The baseline knows simulated customers; what is ordinary elsewhere only that place's own past can tell.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from fraud_core.errors import InputError
from fraud_core.features import FEATURES, State, advance
from fraud_core.models import Window, publish_bundle
from fraud_core.models.inputs import Floats
from fraud_core.rules import RuleSet, evaluate, load_rules
from fraud_core.rules.frame import rule_frame
from fraud_local.demo.model import Model
from fraud_producer.replay import History
from fraud_trainer.evaluation import Mask
from fraud_trainer.isolation_forest import Validation, train

SHARE = 1 / 3
"""Of the history's time; a third of this warms the windows up, a third trains, a third sets the threshold."""
FEWEST_ROWS = 1_000


def own_model(history: History, folder: Path) -> Model | None:
    """Train on the beginning of the history; None where that is too little to learn from.

    Raises:
        InputError: the file can't be read.
        UnavailableError: the bundle can't be written.
    """
    until = history.first + SHARE * (history.last - history.first)
    frame, values, alerts = _computed(_before(history, until), load_rules())
    if frame.height < FEWEST_ROWS:
        return None
    begin, split = frame.height // 3, 2 * frame.height // 3
    times = frame["timestamp"]
    try:
        bundle = train(
            values[:, begin:split],
            FEATURES,
            validation=Validation(values[:, split:], alerts[split:]),
            window=Window(start=_utc(times[begin]), end=_utc(times[split])),
            data_until=_utc(times[-1]),
        )
    except (InputError, ValueError):  # all at one moment, or nothing known of anybody
        return None
    published = publish_bundle(folder, bundle)
    return Model(published.url, published.sha256, published.version)


def _computed(frames: Iterable[pl.DataFrame], rules: RuleSet) -> tuple[pl.DataFrame, Floats, Mask]:
    """Time, features and rule alerts of the transactions, as the detector would have them."""
    state = State()
    times, values, alerts = [], [], []
    for frame in frames:
        computed = advance(state, frame)
        times.append(frame.select("timestamp"))
        values.append(computed.values)
        alerts.append(evaluate(rules, rule_frame(frame, computed)).alert)
    return pl.concat(times), np.concatenate(values, axis=1), np.concatenate(alerts)


def _before(history: History, until: datetime) -> Iterator[pl.DataFrame]:
    for piece in history:
        yield piece.transactions.filter(pl.col("timestamp") <= until)
        if piece.end > until:
            return


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
