"""Features that are not the user's own: what merchants are known for, and what labels say, as of event time.

`docs/features.md` defines them, `docs/side-tables.md` says how workers share what they need.
"""

from fraud_core.features.side.counts import FIELDS as COUNT_FIELDS
from fraud_core.features.side.counts import Counts
from fraud_core.features.side.latest import AHEAD, LATEST, ODD, note_all, unknown
from fraud_core.features.side.logins import Logins
from fraud_core.features.side.network_files import SAMPLE, read_networks
from fraud_core.features.side.networks import Networks, networks_of
from fraud_core.features.side.pairs import KEPT, PAIR_FIELDS, PAIR_HOUR
from fraud_core.features.side.tables import LABEL_DELAY_H, SideTables

__all__ = [
    "AHEAD",
    "COUNT_FIELDS",
    "KEPT",
    "LABEL_DELAY_H",
    "LATEST",
    "ODD",
    "PAIR_FIELDS",
    "PAIR_HOUR",
    "SAMPLE",
    "Counts",
    "Logins",
    "Networks",
    "SideTables",
    "networks_of",
    "note_all",
    "read_networks",
    "unknown",
]
