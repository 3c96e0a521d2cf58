"""From records to columns: decodes and validates a batch, and sets aside what is no transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Message

from fraud_core.avro import Decoder
from fraud_core.features import chunks_of
from fraud_detector.dead_letters import DeadLetter, Stage
from fraud_detector.records import Records, kafka_time
from fraud_detector.validate import faults

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Read:
    """Valid transactions of a batch, grouped by partition and in partition order.

    Attributes:
        messages: the records they came from, one a row.
        batch: the transactions, of the Arrow type of `schemas/Transaction.avsc`.
        letters: the records that are no valid transaction.
    """

    messages: tuple[Message, ...]
    batch: pa.RecordBatch
    letters: tuple[DeadLetter, ...]

    def frames(self) -> list[tuple[int, pl.DataFrame]]:
        """For each partition its transactions, as a frame."""
        if not self.messages:
            return []
        whole = pl.from_arrow(self.batch)
        assert isinstance(whole, pl.DataFrame)  # noqa: S101 - a record batch never becomes a series
        spans, start = [], 0
        for partition, run in groupby(message.partition() for message in self.messages):
            length = sum(1 for _ in run)
            spans.append((-1 if partition is None else partition, whole.slice(start, length)))
            start += length
        return spans

    def since(self, offsets: Mapping[int, Ints]) -> "Read":
        """Only the transactions whose offset is at or after that of their user's chunk, by partition."""
        if not self.messages:
            return self
        limits = [offsets[message.partition() or 0] for message in self.messages]
        chunks = chunks_of(pl.Series(self.batch["user"]))
        keep = np.array(
            [
                (message.offset() or 0) >= limit[chunk]
                for message, limit, chunk in zip(self.messages, limits, chunks, strict=True)
            ],
            dtype=bool,
        )
        kept = tuple(message for message, wanted in zip(self.messages, keep, strict=True) if wanted)
        return Read(kept, self.batch.filter(pa.array(keep)), self.letters)


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
        decoded = self._decoder.decode([message.value() for message in records.messages])
        letters = [
            DeadLetter(records.messages[rejected.index], Stage.VALUE_CONVERTER, rejected.error)
            for rejected in decoded.rejected
        ]
        messages = [records.messages[index] for index in decoded.index]
        wrong = faults(decoded.batch, [kafka_time(message) for message in messages])
        letters += [DeadLetter(messages[row], Stage.TRANSFORMATION, error) for row, error in wrong.items()]
        if not wrong:
            return Read(tuple(messages), decoded.batch, tuple(letters))
        keep = np.ones(len(messages), dtype=bool)
        keep[list(wrong)] = False
        kept = tuple(message for message, good in zip(messages, keep, strict=True) if good)
        return Read(kept, decoded.batch.filter(pa.array(keep)), tuple(letters))
