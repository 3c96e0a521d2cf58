"""Single records in Confluent's wire format, for topics that carry a few a second."""

import io
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import fastavro

from fraud_core.registry import Registry
from fraud_core.schemas import schema

HEADER = 5


def encode_record(name: str, schema_id: int, record: Mapping[str, Any]) -> bytes:
    """One record of `schemas/<name>.avsc` under the registry's id.

    Raises:
        ValueError: a field is missing or of another type.
    """
    stream = io.BytesIO()
    stream.write(b"\0" + schema_id.to_bytes(HEADER - 1, "big"))
    fastavro.schemaless_writer(stream, _parsed(name), record, strict_allow_default=True)
    return stream.getvalue()


def decode_record(name: str, value: bytes, registry: Registry) -> dict[str, Any]:
    """The record, resolved from the schema that it was written with to ours.

    Raises:
        ValueError: the value is no such record.
        UnknownSchemaError: the registry does not know the value's schema id.
        UnavailableError: the registry had to be asked and can't be reached.
    """
    if len(value) < HEADER or value[0] != 0:
        raise ValueError("it is not in Confluent's wire format")
    written = _writer(registry.schema_by_id(int.from_bytes(value[1:HEADER], "big")))
    try:
        record = fastavro.schemaless_reader(io.BytesIO(value[HEADER:]), written, _parsed(name))
    except Exception as error:  # fastavro raises whatever a bad byte leads to
        raise ValueError(f"it is no {name}: {error!r}") from error
    assert isinstance(record, dict)  # noqa: S101 - the schema is a record
    return record


@cache
def _parsed(name: str) -> Any:  # noqa: ANN401 - fastavro's schemas
    return fastavro.parse_schema(schema(name))


@cache
def _writer(text: str) -> Any:  # noqa: ANN401 - fastavro's schemas
    return fastavro.parse_schema(json.loads(text))
