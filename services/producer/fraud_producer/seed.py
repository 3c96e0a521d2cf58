"""The tutorial's own transactions: three users who pay at random, without rhythm, habit or truth."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraud_core.avro.types import polars_schema
from fraud_producer.simulator.ids import hex_ids, key_of

USERS = ("John", "Peter", "Sam")
LOCATIONS = ("US", "IN", "FR", "BR", "JP")
DEVICES = ("mobile", "desktop", "tablet")
MERCHANTS = ("Amazon", "Walmart", "Apple", "Nike", "XYZ_Merchant")
TXN_TYPES = ("purchase", "transfer", "withdrawal", "deposit")
LEAST, MOST = 1.0, 500.0

_CHOICES = {
    "user": USERS,
    "location": LOCATIONS,
    "device": DEVICES,
    "merchant": MERCHANTS,
    "txn_type": TXN_TYPES,
}


class SeedStream:
    """An endless stream of the tutorial's transactions, drawn as event times for them come up.

    The same seed and times give the same stream, in frames of any size. A stream that begins at another time
    has other transaction ids, so that a second run repeats none.
    """

    def __init__(self, seed: int) -> None:
        """Begin a stream; a seed is 0 or more."""
        self._seed = seed
        self._rng = np.random.default_rng([seed, 0])
        self._id_key: int | None = None
        self._drawn = 0

    def at(self, times: npt.NDArray[np.int64]) -> pl.DataFrame:
        """The next transactions as a transaction frame, one for each of these times (ms since 1970, UTC)."""
        if self._id_key is None and len(times):
            self._id_key = key_of(self._seed, int(times[0]), "seed")
        numbers = self._drawn + np.arange(len(times))
        self._drawn += len(times)
        # A row of draws for each transaction: frames of any size take the same draws.
        draws = self._rng.random((len(times), 1 + len(_CHOICES)))
        chosen = {name: _chosen(from_, draws[:, 1 + i]) for i, (name, from_) in enumerate(_CHOICES.items())}
        columns = chosen | {
            "transaction_id": hex_ids(numbers, self._id_key or 0),
            "amount": pl.Series((LEAST + (MOST - LEAST) * draws[:, 0]).round(2)),
            "timestamp": pl.Series(times, dtype=pl.Int64).cast(pl.Datetime("ms")),
        }
        schema = polars_schema("Transaction")
        unknown = {name: pl.repeat(None, len(times), dtype=schema[name], eager=True) for name in schema}
        return pl.DataFrame(unknown | columns, schema=schema)


def _chosen(values: Sequence[str], draws: npt.NDArray[np.float64]) -> pl.Series:
    return pl.Series(values).gather((draws * len(values)).astype(np.int64))
