"""Reads `Decision.signals` back: which rules a training may read, and where they fired.

These are the rules of the decision that was made last: those that detectors have now. What another rule file
said under the same name is another signal. Of a decision that does not name one, as it was made before there
was the rule, it is unknown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from fraud_core.models.inputs import Floats
from fraud_core.signals import Signal
from fraud_trainer.evaluation import Names

Flags = NDArray[np.int8]
"""1 where a rule fired, 0 where it did not, -1 where that is unknown."""
UNKNOWN = -1


def flags(signals: pa.MapArray) -> dict[str, Flags]:
    """By key each signal that a decision of the batch names."""
    lengths = np.diff(np.asarray(signals.offsets))
    rows = np.repeat(np.arange(len(signals)), lengths)
    first, end = int(signals.offsets[0].as_py()), int(signals.offsets[-1].as_py())
    keys = signals.keys[first:end].dictionary_encode()
    fired = _array(signals.items[first:end].cast(pa.int8()))
    codes, found = _array(keys.indices), dict[str, Flags]()
    for code, key in enumerate(keys.dictionary.to_pylist()):
        found[key] = np.full(len(signals), UNKNOWN, dtype=np.int8)
        found[key][rows[codes == code]] = fired[codes == code]
    return found


def joined_flags(parts: Sequence[tuple[int, Mapping[str, Flags]]]) -> dict[str, Flags]:
    """The flags of several batches, one after the other; each comes with how many decisions it has."""
    keys = sorted({key for _, part in parts for key in part})
    return {
        key: np.concatenate([part.get(key, np.full(count, UNKNOWN, dtype=np.int8)) for count, part in parts])
        for key in keys
    }


def alert_rules(decisions: pl.DataFrame, named: Mapping[str, Flags]) -> Names:
    """Names of the rules that made each decision an alert, joined by commas; "" where none did.

    `Decision.rules` are all that fired, signals among them, and these alone make no alert: where the model
    alerts, they would seem to have.

    Args:
        decisions: columns `fraudulent` and `rules`.
        named: their signals, as `flags` gives them.
    """
    rules = pl.col("rules")
    for key, fired in named.items():
        others = rules.list.eval(pl.element().filter(pl.element() != Signal.of(key).rule))
        rules = pl.when(pl.Series(fired != UNKNOWN)).then(others).otherwise(rules)
    joined = pl.when("fraudulent").then(rules.list.join(",")).otherwise(pl.lit(""))
    found: Names = decisions.select(joined.fill_null("").alias("rules")).to_series().to_numpy()
    return found


def latest_signals(found: Mapping[str, Flags], last: int) -> tuple[tuple[Signal, ...], Floats]:
    """The signals that the decision in row `last` names, and where they fired, shape (signals, rows)."""
    keys = [key for key, fired in found.items() if fired[last] != UNKNOWN]
    columns = [np.where(found[key] == UNKNOWN, np.nan, found[key]) for key in keys]
    rows = len(next(iter(found.values()), ()))
    return tuple(map(Signal.of, keys)), np.array(columns).reshape(len(keys), rows)


def _array(column: pa.Array) -> Any:  # noqa: ANN401 - numpy knows of what
    return column.to_numpy(zero_copy_only=False)
