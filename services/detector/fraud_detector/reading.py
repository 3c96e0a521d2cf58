"""From records to columns: decodes and validates a batch, and sets aside what is no transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Message

from fraud_core.avro import Decoder
from fraud_core.features import chunks_of
from fraud_detector.dead_letters import DeadLetter, Stage, before
from fraud_detector.records import Ints, Records
from fraud_detector.validate import faults, readable

ASK_S = 2.0
"""For so long a batch may ask the registry for schemas; then the group is polled before it asks for more."""


@dataclass(frozen=True)
class Read:
    """Valid transactions of a batch, grouped by partition and in partition order.

    Attributes:
        records: what they came from, one a row.
        batch: the transactions, of the Arrow type of `schemas/Transaction.avsc`.
        letters: the records that are no valid transaction.
    """

    records: Records
    batch: pa.RecordBatch
    letters: tuple[DeadLetter, ...]

    def frame(self) -> pl.DataFrame:
        """The transactions as a frame."""
        whole = pl.from_arrow(self.batch)
        assert isinstance(whole, pl.DataFrame)  # noqa: S101 - a record batch never becomes a series
        return whole

    def since(self, offsets: Mapping[int, Ints]) -> "Read":
        """Only the transactions whose offset is at or after that of their user's chunk, by partition."""
        if not len(self.records):
            return self
        chunks = chunks_of(pl.Series(self.batch["user"]))
        keep = np.ones(len(self.records), dtype=bool)
        for partition, first, end in self.records.spans:
            limits = offsets[partition][chunks[first:end]]
            keep[first:end] = self.records.positions[first:end] >= limits
        return Read(self.records.pick(np.flatnonzero(keep)), self.batch.filter(pa.array(keep)), self.letters)

    def rows(self, first: int, end: int) -> "Read":
        """Only these transactions, and no letters."""
        return Read(self.records.pick(np.arange(first, end)), self.batch.slice(first, end - first), ())

    def before(self, offsets: Mapping[int, int]) -> "Read":
        """Only what comes before these offsets, letters too; partitions without one are kept whole."""
        places = self.records.places_before(offsets)
        letters = tuple(before(self.letters, offsets))
        return Read(self.records.pick(places), self.batch.take(pa.array(places)), letters)


class Reader:
    """Reads batches of `transactions`."""

    def __init__(self, decoder: Decoder) -> None:
        """`decoder` knows the schema and the registry."""
        self._decoder = decoder

    def read(self, records: Records) -> Read:
        """Decode and validate; each record is a row or a letter.

        Raises:
            UnavailableError: the registry had to be asked and can't be reached.
        """
        decoded = self._decoder.decode(list(map(Message.value, records.messages)))
        letters = [
            DeadLetter(records.messages[rejected.index], Stage.VALUE_CONVERTER, rejected.error)
            for rejected in decoded.rejected
        ]
        found, batch = records.pick(decoded.index), readable(decoded.batch)
        wrong = faults(batch, found.times)
        letters += [
            DeadLetter(found.messages[row], Stage.TRANSFORMATION, error) for row, error in wrong.items()
        ]
        if not wrong:
            return Read(found, batch, tuple(letters))
        keep = np.ones(len(found), dtype=bool)
        keep[list(wrong)] = False
        return Read(found.pick(np.flatnonzero(keep)), batch.filter(pa.array(keep)), tuple(letters))
