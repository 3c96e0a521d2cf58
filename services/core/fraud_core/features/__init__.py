"""The features: one implementation for detector, trainer and backtest, exact in any batching.

`docs/features.md` defines each. `advance` is the way in; a `State` belongs to one input partition.
"""

from fraud_core.features.computing import Computed, advance
from fraud_core.features.names import FEATURES
from fraud_core.features.state import State

__all__ = ["FEATURES", "Computed", "State", "advance"]
