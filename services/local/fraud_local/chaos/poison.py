"""Records that are no transactions, each under a key of its own by which it is known again."""

import random
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from fraud_core.avro import Encoder

PREFIX = "poison-"
NO_SUCH_ID = b"\0\x7f\xff\xff\xff"
HEADER = 5
MOST_BYTES = 200


class Record(NamedTuple):
    """A record for the input."""

    key: str
    value: bytes | None


class Poison:
    """Deals out poison, the same for the same seed and order."""

    def __init__(self, encoder: Encoder, good: pl.DataFrame, seed: int) -> None:
        """`good` is one valid transaction, which some of the poison is made from."""
        self._encoder, self._good = encoder, good
        self._dice = random.Random(seed)  # noqa: S311 - a seed must give the same poison
        self._count = 0

    def dose(self) -> list[Record]:
        """Random bytes, an unknown schema id, a cut record, a null, a NaN and a negative amount."""
        return [Record(key, value) for key, value in self._doses()]

    def _doses(self) -> Iterator[tuple[str, bytes | None]]:
        good = self._encoded(1.0)
        yield self._key(), b"\x01" + self._dice.randbytes(self._dice.randrange(MOST_BYTES))
        yield self._key(), NO_SUCH_ID + good[HEADER:]
        yield self._key(), good[: self._dice.randrange(HEADER, HEADER + 10)]
        yield self._key(), None
        for amount in (float("nan"), -self._dice.random()):
            key = self._key()
            yield key, self._encoded(amount, key)

    def _key(self) -> str:
        self._count += 1
        return f"{PREFIX}{self._count}"

    def _encoded(self, amount: float, name: str = "nobody") -> bytes:
        changed = self._good.with_columns(transaction_id=pl.lit(name), amount=pl.lit(amount))
        return self._encoder.encode(changed)[0]
