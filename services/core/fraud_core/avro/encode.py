"""Encodes whole frames into Confluent's wire format."""

import polars as pl
import pyarrow as pa
import pyruhvro

from fraud_core.avro.types import to_arrow
from fraud_core.schemas import schema_text


class Encoder:
    """Encodes frames of `schemas/<name>.avsc` under one schema id."""

    def __init__(self, name: str, schema_id: int) -> None:
        """`schema_id` is the registry's; `header`, which names it, goes before every record."""
        self._name = name
        self._schema = schema_text(name)
        self.header = b"\0" + schema_id.to_bytes(4, "big")

    def encode(self, frame: pl.DataFrame) -> list[bytes]:
        """The rows of the frame as values for a topic, in order."""
        batch = to_arrow(frame, self._name)
        header = self.header
        return [header + body for body in self.bodies(batch)] if batch.num_rows else []

    def bodies(self, batch: pa.RecordBatch) -> list[bytes]:
        """The rows of a batch of the schema's Arrow type, without the header."""
        if not batch.num_rows:
            return []
        encoded = pyruhvro.serialize_record_batch(batch, self._schema, 1)[0]
        # Through numpy, as pyarrow's own way to a list makes an object of its own for each value first.
        values: list[bytes] = encoded.to_numpy(zero_copy_only=False).tolist()
        return values
