"""Avro in columns: fastavro, the reference implementation, is the judge of what is right."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import fastavro
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.avro import Decoder, Encoder
from fraud_core.avro.lengths import encoded_lengths
from fraud_core.avro.types import arrow_type, enum_fields, polars_schema, same_record
from fraud_core.registry import Registry, UnknownSchemaError
from fraud_core.schemas import schema, schema_text

OURS, OLDER, NEWER, WITH_UUID, WITH_DATE, NO_SCHEMA, NO_JSON = range(7, 14)
HEADER = 5
LOGIN = {"user": "Zoë", "timestamp": 1_700_000_000_000, "ip": None, "device_id": "d", "success": True}
PARSED = fastavro.parse_schema(schema("Transaction"))


def older() -> dict[str, Any]:
    changed = schema("Transaction")
    changed["fields"] = [field for field in changed["fields"] if field["name"] != "currency"]
    return changed


def newer() -> dict[str, Any]:
    changed = schema("Transaction")
    changed["fields"].append({"name": "channel", "type": ["null", "string"], "default": None})
    return changed


def with_type(name: str, avro: dict[str, str]) -> dict[str, Any]:
    changed = schema("Transaction")
    next(field for field in changed["fields"] if field["name"] == name)["type"] = avro
    return changed


UUIDS = with_type("transaction_id", {"type": "string", "logicalType": "uuid"})
DATES = with_type("timestamp", {"type": "int", "logicalType": "date"})


class Schemas(Registry):
    """A registry that knows some writers; the real one is met in tests/integration."""

    def __init__(self) -> None:
        self.texts = {
            OURS: schema_text("Transaction"),
            OLDER: json.dumps(older()),
            NEWER: json.dumps(newer()),
            WITH_UUID: json.dumps(UUIDS),
            WITH_DATE: json.dumps(DATES),
            NO_SCHEMA: "{}",
            NO_JSON: "syntax = proto3;",
        }

    def schema_by_id(self, schema_id: int) -> str:
        if schema_id not in self.texts:
            raise UnknownSchemaError(f"no schema {schema_id}")
        return self.texts[schema_id]


class One(Registry):
    """A registry that knows one writer, under any id."""

    def __init__(self, text: str) -> None:
        self.text = text

    def schema_by_id(self, schema_id: int) -> str:  # noqa: ARG002 - it is any
        return self.text


def decoder() -> Decoder:
    return Decoder("Transaction", Schemas())


def framed(row: dict[str, Any], parsed: Any = PARSED, schema_id: int = OURS) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, parsed, row)
    return b"\0" + schema_id.to_bytes(4, "big") + stream.getvalue()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
transactions = st.fixed_dictionaries(
    {
        "transaction_id": texts,
        "user": texts,
        "amount": st.floats(allow_nan=False),
        "timestamp": times,
        "location": st.none() | texts,
        "device": st.none() | texts,
        "merchant": st.none() | texts,
        "txn_type": st.none() | st.sampled_from(["purchase", "transfer", "withdrawal", "deposit", "unknown"]),
        "currency": st.none() | texts,
        "ip": st.none() | texts,
        "device_id": st.none() | texts,
        "latitude": st.none() | st.floats(allow_nan=False),
        "longitude": st.none() | st.floats(allow_nan=False),
        "merchant_category": st.none() | texts,
        "session_started_at": st.none() | times,
    }
)
ROW: dict[str, Any] = {
    "transaction_id": "t1",
    "user": "Jürgen",
    "amount": 12.5,
    "timestamp": datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC),
}


def as_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    utc = [pl.col(name).dt.replace_time_zone("UTC") for name in ("timestamp", "session_started_at")]
    return frame.with_columns(utc).to_dicts()


@given(st.lists(transactions, max_size=20))
def test_what_fastavro_writes_is_read_equal(rows: list[dict[str, Any]]) -> None:
    decoded = decoder().decode([framed(row) for row in rows])

    assert decoded.rejected == ()
    assert as_rows(pl.DataFrame(decoded.batch)) == rows


@given(st.lists(transactions, max_size=20))
def test_what_is_written_has_the_bytes_that_fastavro_writes(rows: list[dict[str, Any]]) -> None:
    naive = [
        {k: v.replace(tzinfo=None) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows
    ]
    frame = pl.DataFrame(naive, schema=polars_schema("Transaction"))

    assert Encoder("Transaction", OURS).encode(frame) == [framed(row) for row in rows]


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=9))
def test_each_record_is_under_the_id_that_is_given_for_it(ids: list[int]) -> None:
    batch = pa.RecordBatch.from_pylist([LOGIN] * len(ids), schema=arrow_type("Login"))

    values = Encoder("Login", OURS).values(batch, np.array(ids))

    assert [value[:HEADER] for value in values] == [b"\0" + one.to_bytes(4, "big") for one in ids]
    assert len({value[HEADER:] for value in values}) == 1


@pytest.mark.parametrize("schema_id", [127, 255, 32_639, 8_388_607, 0x7F80FF, 0xFF7F, 2**31 - 1])
def test_ids_whose_bytes_are_no_number_as_a_float_are_kept(schema_id: int) -> None:
    batch = pa.RecordBatch.from_pylist([LOGIN], schema=arrow_type("Login"))

    (value,) = Encoder("Login", OURS).values(batch, np.array([schema_id]))

    assert value[:HEADER] == b"\0" + schema_id.to_bytes(4, "big")


def test_columns_may_be_missing_where_the_schema_has_a_default() -> None:
    frame = pl.DataFrame([ROW | {"timestamp": ROW["timestamp"].replace(tzinfo=None)}])
    frame = frame.with_columns(pl.col("timestamp").cast(pl.Datetime("ms")))

    assert Encoder("Transaction", OURS).encode(frame) == [framed(ROW)]


@settings(max_examples=300)
@given(transactions, st.data())
def test_no_damage_is_overlooked_or_stops_the_others(row: dict[str, Any], data: st.DataObject) -> None:
    whole = framed(row)
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(5, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(5, len(damaged)))] + data.draw(st.binary(max_size=3))

    decoded = decoder().decode([whole, bytes(damaged), whole])

    kept = decoded.index.tolist()
    assert kept in ([0, 2], [0, 1, 2])
    if 1 in kept:
        stream = io.BytesIO(bytes(damaged[5:]))
        again = framed(fastavro.schemaless_reader(stream, PARSED, None))  # type: ignore[arg-type]
        assert stream.read() == b""
        assert len(again) == len(damaged)


def test_each_fault_is_told_in_words() -> None:
    good = framed(ROW)
    values = [
        None,
        b"",
        b'{"user": "John"}',
        b"\0\0\0\0\x63" + good[5:],
        good[:-4],
        good + b"!",
        good.replace("ü".encode(), b"\xff\xff"),
    ]

    rejected = decoder().decode(values).rejected

    assert [(one.index, str(one.error)) for one in sorted(rejected, key=lambda one: one.index)] == [
        (0, "The value is null (a tombstone)."),
        (1, "The value has 0 bytes; Confluent's wire format begins with 5."),
        (2, "The value begins with byte 0x7b; Confluent's wire format begins with 0x00."),
        (3, "no schema 99"),
        (4, "The value ends in the middle of the record."),
        (5, "The value has bytes that belong to no field of the record."),
        (6, "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte"),
    ]


def test_a_batch_may_mix_writers_and_keeps_its_order() -> None:
    values = [
        framed(ROW | {"transaction_id": "a", "currency": "EUR"}),
        framed(ROW | {"transaction_id": "b"}, fastavro.parse_schema(older()), OLDER),
        framed(ROW | {"transaction_id": "c", "channel": "web"}, fastavro.parse_schema(newer()), NEWER),
        framed(ROW | {"transaction_id": "d"}),
    ]

    batch = pl.DataFrame(decoder().decode(values).batch)

    assert batch["transaction_id"].to_list() == ["a", "b", "c", "d"]
    assert batch["currency"].to_list() == ["EUR", None, None, None]
    assert batch.schema == polars_schema("Transaction")


def test_a_writers_uuid_is_read_as_the_text_that_it_is() -> None:
    name = "6f2b1d9e-7a53-4a0e-9f6c-0a7d1f3f5b11"
    value = framed(ROW | {"transaction_id": name}, fastavro.parse_schema(UUIDS), WITH_UUID)

    decoded = decoder().decode([value])

    assert decoded.rejected == ()
    assert decoded.batch["transaction_id"].to_pylist() == [name]


def test_writers_whose_values_or_schemas_are_of_no_use_cost_their_own_records_only() -> None:
    day = framed(
        ROW | {"transaction_id": "b", "timestamp": date(2026, 1, 5)}, fastavro.parse_schema(DATES), WITH_DATE
    )
    rest = framed(ROW | {"transaction_id": "c"})[5:]
    values = [
        framed(ROW | {"transaction_id": "a"}),
        day,
        b"\0\0\0\0\x0c" + rest,
        b"\0\0\0\0\x0d" + rest,
        framed(ROW | {"transaction_id": "d"}),
    ]

    decoded = decoder().decode(values)

    assert decoded.batch["transaction_id"].to_pylist() == ["a", "d"]
    assert sorted(rejected.index for rejected in decoded.rejected) == [1, 2, 3]
    told = {rejected.index: str(rejected.error) for rejected in decoded.rejected}
    assert "The writer's schema can't be used" in told[2]
    assert "The writer's schema can't be used" in told[3]


def test_a_writer_that_differs_in_documentation_only_is_our_own() -> None:
    reworded = schema("Transaction")
    reworded["doc"] = "Other words."

    assert same_record(json.dumps(reworded), "Transaction")
    assert not same_record(json.dumps(newer()), "Transaction")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ('"string"', '{"type": "string", "avro.java.string": "String"}'),
        ('"string"', '{"type": "string"}'),
        ('{"name": "user"', '{"aliases": ["customer"], "order": "ignore", "name": "user"'),
        ('"namespace": "fraudstream"', '"namespace": "com.bank", "connect.version": 1'),
        ('"name": "Transaction", "namespace": "fraudstream"', '"name": "com.bank.Transaction"'),
    ],
)
def test_so_is_one_whose_program_adds_attributes_of_its_own(ours: str, theirs: str) -> None:
    text = json.dumps(schema("Transaction"))
    assert ours in text

    assert same_record(text.replace(ours, theirs), "Transaction")


def test_a_writer_of_another_record_is_told_so_once_for_each_value() -> None:
    others = One(json.dumps(schema("Transaction") | {"name": "CardTransaction"}))

    rejected = Decoder("Transaction", others).decode([framed(ROW), framed(ROW)]).rejected

    assert [str(one.error) for one in rejected] == [
        "The writer's record is CardTransaction, not Transaction."
    ] * 2


def test_lengths_are_known_of_every_kind_of_field_that_flat_records_have() -> None:
    rows = [
        LOGIN,
        {"user": "u", "timestamp": 0, "ip": "10.0.0.1", "device_id": None, "success": False},
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=arrow_type("Login"))

    lengths = encoded_lengths(batch, enum_fields("Login"))

    assert lengths.tolist() == [
        len(value) - HEADER for value in Encoder("Login", 1).values(batch, np.array([1, 1]))
    ]
