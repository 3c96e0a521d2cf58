"""Features that are not the user's own: what merchants are known for, and what labels say, as of event time.

`docs/features.md` defines them, `docs/side-tables.md` says how workers share what they need.
"""

from fraud_core.features.side.tables import LABEL_DELAY_H, SideTables

__all__ = ["LABEL_DELAY_H", "SideTables"]
