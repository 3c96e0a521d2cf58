"""What is in a record of any topic: decoded where it is Avro, else its bytes."""

import base64
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fastavro
import orjson
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from fraud_core.polling import headers_of
from fraud_core.registry import Registry, UnknownSchemaError

HEADER_BYTES = 5
JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


@dataclass(frozen=True)
class Value:
    """The value of one record.

    Attributes:
        raw: as it is on the topic; None for a tombstone.
        schema: full name of the writer's schema; None where it was not decoded.
        content: what it says; None where it was not decoded.
        fault: why it was not decoded; None where it was.
    """

    raw: bytes | None
    schema: str | None = None
    content: Any = None
    fault: str | None = None


class ValueReader:
    """Decodes values, each with the schema that it was written with."""

    def __init__(self, registry: Registry) -> None:
        """Schemas are fetched when first met, and kept."""
        self._registry = registry
        self._schemas: dict[int, Any] = {}

    def read(self, raw: bytes | None) -> Value:
        """Decode a value; one that can't be is no error, but says why.

        Raises:
            UnavailableError: the registry had to be asked and can't be reached.
        """
        if raw is None:
            return Value(None, fault="The value is null (a tombstone).")
        if len(raw) < HEADER_BYTES or raw[0] != 0:
            return Value(raw, fault="The value is not in Confluent's wire format.")
        try:
            schema = self._schema(int.from_bytes(raw[1:HEADER_BYTES], "big"))
        except UnknownSchemaError as error:
            return Value(raw, fault=str(error))
        try:
            content = fastavro.schemaless_reader(io.BytesIO(raw[HEADER_BYTES:]), schema, None)
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever a bad byte leads to
            return Value(raw, fault=str(error) or "The value ends in the middle of the record.")
        return Value(raw, schema.get("name") if isinstance(schema, dict) else None, content)

    def _schema(self, schema_id: int) -> Any:  # noqa: ANN401 - fastavro's parsed schemas
        if schema_id not in self._schemas:
            text = self._registry.schema_by_id(schema_id)
            self._schemas[schema_id] = fastavro.parse_schema(json.loads(text))
        return self._schemas[schema_id]


def kafka_time(message: Message) -> datetime | None:
    """The record's Kafka timestamp, UTC."""
    kind, milliseconds = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def headers(message: Message) -> dict[str, bytes | None]:
    """The record's headers; of several with one name the last."""
    return dict(headers_of(message) or [])


def as_json(message: Message, value: Value) -> str:
    """The whole record as one line of JSON; times are ISO 8601, bytes that are no Avro base64."""
    said: dict[str, object] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": kafka_time(message),
        "key": _text(message.key()),
        "headers": {name: _text(header) for name, header in headers(message).items()},
        "schema": value.schema,
        "value": value.content,
    }
    if value.fault is not None:
        said |= {"fault": value.fault, "value_base64": value.raw and base64.b64encode(value.raw).decode()}
    return to_json(said)


def to_json(content: object) -> str:
    """JSON of what fastavro decodes to."""
    return orjson.dumps(content, default=_plain, option=JSON_OPTIONS).decode()


def _plain(content: object) -> object:
    return base64.b64encode(content).decode() if isinstance(content, bytes) else str(content)


def _text(raw: str | bytes | None) -> str | None:
    """UTF-8, and in hexadecimal the bytes that are none."""
    return raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
