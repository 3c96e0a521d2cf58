"""The features: one implementation for detector, trainer and backtest, exact in any batching.

`docs/features.md` defines each. `advance` is the way in; a `State` belongs to one input partition.
"""

from fraud_core.features.computing import Computed, Span, advance, advance_each, chunks_of
from fraud_core.features.names import FEATURES
from fraud_core.features.packing import FORMAT, packed_users
from fraud_core.features.side import LABEL_DELAY_H, SideTables
from fraud_core.features.state import State
from fraud_core.features.users import CHUNKS

__all__ = [
    "CHUNKS",
    "FEATURES",
    "FORMAT",
    "LABEL_DELAY_H",
    "Computed",
    "SideTables",
    "Span",
    "State",
    "advance",
    "advance_each",
    "chunks_of",
    "packed_users",
]
