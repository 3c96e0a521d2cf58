"""Encodes whole frames into Confluent's wire format."""

import polars as pl
import pyarrow as pa
import pyruhvro

from fraud_core.avro.types import to_arrow
from fraud_core.schemas import schema_text


class Encoder:
    """Encodes frames of `schemas/<name>.avsc` under one schema id."""

    def __init__(self, name: str, schema_id: int) -> None:
        """`schema_id` is the registry's, and goes before every record."""
        self._name = name
        self._schema = schema_text(name)
        self._header = b"\0" + schema_id.to_bytes(4, "big")

    def encode(self, frame: pl.DataFrame) -> list[bytes]:
        """The rows of the frame as values for a topic, in order."""
        return self.encode_batch(to_arrow(frame, self._name))

    def encode_batch(self, batch: pa.RecordBatch) -> list[bytes]:
        """The same for an Arrow batch that has the schema's type already."""
        if not batch.num_rows:
            return []
        header = self._header
        encoded = pyruhvro.serialize_record_batch(batch, self._schema, 1)[0]
        return [header + value for value in encoded.to_pylist()]
