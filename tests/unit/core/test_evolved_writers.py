"""Whatever a writer's schema has become, its records are read as fastavro, the reference, resolves them."""

import io
import json
from collections.abc import Sequence
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.avro import Decoder
from fraud_core.avro.matching import matched
from fraud_core.schemas import schema
from tests.unit.core.test_avro import One

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
FLAT = ["string", "boolean", "int", "long", "float", "double", MILLIS]
DEEP = ["bytes", "null", {"type": "array", "items": "string"}, {"type": "map", "values": "long"}]
INT64 = range(-(2**63), 2**63)
Record = dict[str, Any]


def nullable(node: Any) -> Any:
    return ["null", node]


@st.composite
def types_near(draw: st.DrawFn, node: Any) -> Any:
    """The type itself, for the most part; else what writers make of it in time."""
    inner = next(one for one in node if one != "null") if isinstance(node, list) else node
    if isinstance(inner, dict) and inner["type"] == "enum":
        symbols = draw(st.lists(st.sampled_from([*inner["symbols"], "refund"]), min_size=1, unique=True))
        inner = inner | {"symbols": symbols, "name": draw(st.sampled_from([inner["name"]] * 9 + ["Other"]))}
        inner["default"] = symbols[0]
    else:
        as_java = {"type": inner, "avro.java.string": "String"} if inner == "string" else inner
        inner = draw(
            st.sampled_from([inner] * 9 + [as_java] * 5 + ["long", "int", "float", "string", MILLIS])
        )
    return draw(st.sampled_from([node if inner == node else inner, inner, nullable(inner), [inner, "null"]]))


@st.composite
def evolved(draw: st.DrawFn, name: str) -> Record:
    """Our schema with fields added, removed, changed and in another order."""
    ours = schema(name)
    changed, dropped = draw(st.booleans()), draw(st.booleans())
    fields = [
        field
        | {"type": draw(types_near(field["type"])) if changed and draw(st.booleans()) else field["type"]}
        for field in ours["fields"]
        if not (dropped and "default" in field and draw(st.booleans()))
    ]
    for field in fields:
        field.pop("default", None)
    more = draw(st.lists(st.sampled_from(FLAT * 4 + DEEP), max_size=3))
    fields += [
        {"name": f"more{place}", "type": nullable(node) if node != "null" and draw(st.booleans()) else node}
        for place, node in enumerate(more)
    ]
    return ours | {"fields": draw(st.permutations(fields))}


def value_of(node: Any) -> st.SearchStrategy[Any]:
    if isinstance(node, list):
        return st.one_of([value_of(one) for one in node])
    kind = node["type"] if isinstance(node, dict) else node
    found: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(width=32),
        "double": st.floats(),
        "bytes": st.binary(max_size=4),
        "array": st.lists(st.text("ab", max_size=2), max_size=2),
        "map": st.dictionaries(st.text("ab", max_size=2), st.integers(0, 9), max_size=2),
    }
    return st.sampled_from(node["symbols"]) if kind == "enum" else found[kind]


def as_numbers(node: Any) -> Any:
    """The schema without times, so that fastavro shows what is written."""
    return json.loads(json.dumps(node).replace(', "logicalType": "timestamp-millis"', ""))


@st.composite
def written(draw: st.DrawFn, writer: Record) -> list[bytes]:
    """Records of the writer, some of them damaged."""
    parsed = fastavro.parse_schema(as_numbers(writer))
    bodies = []
    for _ in range(draw(st.integers(1, 6))):
        stream = io.BytesIO()
        row = {field["name"]: draw(value_of(field["type"])) for field in as_numbers(writer)["fields"]}
        fastavro.schemaless_writer(stream, parsed, row)
        bodies.append(draw(damaged(stream.getvalue())))
    return bodies


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    if draw(st.integers(0, 2)) or not body:
        return body
    found = bytearray(body)
    for _ in range(draw(st.integers(0, 2))):
        found[draw(st.integers(0, len(found) - 1))] = draw(st.integers(0, 255))
    return bytes(found[: draw(st.integers(0, len(found)))] + draw(st.binary(max_size=3)))


def resolved(body: bytes, writer: Record, name: str) -> Record | None:
    """The record as fastavro resolves it; None where it does not, or Arrow has no such number."""
    stream = io.BytesIO(body)
    parsed = fastavro.parse_schema(as_numbers(writer))
    try:
        row = fastavro.schemaless_reader(stream, parsed, fastavro.parse_schema(schema(name)))
    except Exception:  # noqa: BLE001 - whatever a bad byte leads to
        return None
    assert isinstance(row, dict)
    numbers = [value for value in row.values() if isinstance(value, int)]
    return row if stream.tell() == len(body) and all(value in INT64 for value in numbers) else None


def comparable(rows: Sequence[Record]) -> list[Record]:
    """Numbers by value, whatever their kind, and what is no number as such."""
    return [{key: as_text(value) for key, value in row.items()} for row in rows]


def as_text(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(float(value)) if number else repr(value)  # type: ignore[arg-type]


def rows_of(batch: pa.RecordBatch) -> list[Record]:
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in batch.columns
    ]
    found: list[Record] = pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()
    return found


@pytest.mark.parametrize("name", ["Transaction", "Login"])
@settings(max_examples=150)
@given(data=st.data())
def test_each_record_is_what_fastavro_resolves_it_to_or_rejected(name: str, data: st.DataObject) -> None:
    writer = data.draw(evolved(name))
    bodies = data.draw(written(writer))

    decoded = Decoder(name, One(json.dumps(writer))).decode([b"\0\0\0\0\x07" + body for body in bodies])

    expected = [resolved(body, writer, name) for body in bodies]
    good = [place for place, row in enumerate(expected) if row is not None]
    assert decoded.index.tolist() == good
    assert sorted(one.index for one in decoded.rejected) == sorted(set(range(len(bodies))) - set(good))
    assert comparable(rows_of(decoded.batch)) == comparable([row for row in expected if row is not None])


def with_field(which: str, **changes: Any) -> Record:
    ours = schema("Transaction")
    return ours | {
        "fields": [field | changes if field["name"] == which else field for field in ours["fields"]]
    }


def with_more(node: Any) -> Record:
    ours = schema("Transaction")
    return ours | {"fields": [*ours["fields"], {"name": "more", "type": node}]}


def with_symbols(*symbols: str) -> Any:
    return {"type": "enum", "name": "TxnType", "symbols": list(symbols)}


@pytest.mark.parametrize(
    "writer",
    [
        with_more(["null", "string"]),
        with_more(with_symbols("a") | {"name": "Channel"}),
        schema("Transaction") | {"fields": schema("Transaction")["fields"][4::-1]},
        with_field("location", type="string"),
        with_field("user", type=["string", "null"]),
        with_field("timestamp", type="long"),
        with_field("transaction_id", type={"type": "string", "logicalType": "uuid"}),
        with_field("txn_type", type=["null", with_symbols("refund", "purchase")]),
    ],
)
def test_fields_that_come_go_and_move_are_read_in_columns(writer: Record) -> None:
    assert matched(writer, "Transaction") is not None


@pytest.mark.parametrize(
    "writer",
    [
        with_field("amount", type="float"),
        with_field("timestamp", type={"type": "long", "logicalType": "timestamp-micros"}),
        with_field("user", type=["null", "string", "long"]),
        with_field("user", name="customer"),
        with_more("bytes"),
        with_more({"type": "array", "items": "string"}),
    ],
)
def test_what_takes_more_is_left_to_fastavro(writer: Record) -> None:
    assert matched(writer, "Transaction") is None
