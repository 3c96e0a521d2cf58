"""Which rules with action `signal` fired, as `Decision.signals` has it, for trainings to read back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fraud_core.avro.types import arrow_type
from fraud_core.signals import Signal

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def column(signals: Sequence[Signal], fired: Mask) -> pa.Array:
    """The field `signals` of each transaction of a batch.

    Those that did not fire are in it too: that a rule did not fire is not that nobody asked it.

    Args:
        signals: of the rules.
        fired: where each did, shape (signals, transactions).
    """
    kind = arrow_type("Decision").field("signals").type
    count, rows = fired.shape
    keys = pa.array([signal.key for signal in signals], kind.key_type)
    entries = pa.StructArray.from_arrays(
        [keys.take(pa.array(np.tile(np.arange(count), rows))), pa.array(fired.T.ravel())],
        fields=[kind.key_field, kind.item_field],
    )
    offsets = pa.py_buffer(np.arange(rows + 1, dtype=np.int32) * np.int32(count))
    return pa.Array.from_buffers(kind, rows, [None, offsets], children=[entries])
