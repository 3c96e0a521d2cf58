"""How columns of a writer's schema become columns of ours, where that takes no more than choosing among them.

That is so where each field of ours is of the writer's type, may be null or not, or has a default. Everything
else that Avro's schema resolution knows (promotions, aliases, other unions, nested types) is left to
fastavro. The writer's schema is never given to pyruhvro, which panics at types that it does not know: it gets
one of the same bytes with nothing but primitive types, in which an enum is the number of its symbol.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyruhvro

from fraud_core.avro.faults import TOO_LONG, NotAvroError
from fraud_core.avro.lengths import is_as_long
from fraud_core.avro.types import arrow_type, bare
from fraud_core.schemas import schema

PRIMITIVES = {"boolean", "int", "long", "float", "double", "string"}
"""Those that pyruhvro knows: at `bytes` it panics."""
ENUM = "enum"


@dataclass(frozen=True)
class Kind:
    """The type of a field that is flat.

    Attributes:
        base: a primitive type, or an enum.
        union: the types of the union that it is one of, null being the other; else empty.
        name, symbols: of an enum.
    """

    base: str
    logical: str = ""
    union: tuple[str, ...] = ()
    name: str = ""
    symbols: tuple[str, ...] = ()

    def written(self) -> object:
        """A type of the same bytes that pyruhvro can read."""
        plain = "int" if self.base == ENUM else self.base
        return ["null" if one == "null" else plain for one in self.union] or plain


@dataclass(frozen=True)
class Column:
    """Where a column of ours comes from.

    Attributes:
        place: of the writer's field; None where there is none.
        default: of ours.
        symbols: ours for each of the writer's, of an enum.
    """

    place: int | None
    default: object = None
    symbols: tuple[str, ...] = ()

    def of(self, batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
        """The column, of the field's type.

        Raises:
            ValueError: a value is none of its.
        """
        if self.place is None:
            return pa.repeat(pa.scalar(self.default, field.type), batch.num_rows)
        found = batch.column(self.place)
        if found.null_count and not field.nullable:
            raise NotAvroError(f"{field.name} is null.")
        if not self.symbols:
            return found.cast(field.type)
        try:
            return pa.array(self.symbols, field.type).take(found)
        except IndexError as error:
            raise NotAvroError(f"{field.name} has a number without a symbol.") from error


@dataclass(frozen=True)
class Matched:
    """Records of one writer's schema, decoded in columns.

    Attributes:
        name: of our schema.
        text: a schema of the same bytes as the writer's.
    """

    name: str
    text: str
    columns: tuple[Column, ...]

    def decode(self, bodies: Sequence[bytes]) -> pa.RecordBatch:
        """The records, in columns of ours.

        Raises:
            ValueError: one of them is at fault, or fastavro should say.
        """
        batch = pyruhvro.deserialize_array(bodies, self.text)
        batch.validate(full=True)
        if not is_as_long(batch, bodies):
            raise NotAvroError(TOO_LONG)
        ours = arrow_type(self.name)
        found = [column.of(batch, field) for column, field in zip(self.columns, ours, strict=True)]
        return pa.RecordBatch.from_arrays(found, schema=ours)


def matched(writer: Mapping[str, Any], name: str) -> Matched | None:
    """How records of this writer, whose record has our name, come in columns; None if they can't."""
    written = _kinds(writer)
    kinds = _kinds(schema(name))
    if written is None or kinds is None:
        return None
    places = {field: place for place, field in enumerate(written)}
    columns = [
        _column(places.get(field["name"]), written.get(field["name"]), kinds[field["name"]], field)
        for field in schema(name)["fields"]
    ]
    found = tuple(column for column in columns if column is not None)
    return Matched(name, _text(list(written.values())), found) if len(found) == len(columns) else None


def _column(place: int | None, written: Kind | None, kind: Kind, field: Mapping[str, Any]) -> Column | None:
    """None where it is fastavro's."""
    if "aliases" in field:
        return None
    if written is None:
        return Column(place, field["default"]) if "default" in field else None
    if written.base != kind.base or written.name != kind.name:
        return None
    if kind.base == ENUM:
        symbols = _symbols(written, kind, field)
        return Column(place, symbols=symbols) if symbols else None
    return Column(place) if written.logical in _same_bytes(kind) else None


def _same_bytes(kind: Kind) -> set[str]:
    """Logical types of a writer whose values are ours as they are."""
    return {"", kind.logical, "uuid" if kind.base == "string" else ""}


def _symbols(written: Kind, kind: Kind, field: Mapping[str, Any]) -> tuple[str, ...]:
    """Ours for each of the writer's; empty where one has none."""
    unknown = _enum(field["type"]).get("default")
    found = [one if one in kind.symbols else unknown for one in written.symbols]
    return () if None in found else tuple(str(one) for one in found)


def _enum(node: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    """The enum of a field's type."""
    types = node if isinstance(node, list) else [node]
    return next(one for one in types if isinstance(one, dict) and one.get("type") == ENUM)


def _text(kinds: Sequence[Kind]) -> str:
    fields = [{"name": f"f{place}", "type": kind.written()} for place, kind in enumerate(kinds)]
    return json.dumps({"type": "record", "name": "Written", "fields": fields})


def _kinds(record: Mapping[str, Any]) -> dict[str, Kind] | None:
    """Of each field by name; None where one is not flat, or two have a name."""
    fields = [(field["name"], _kind(bare(field["type"]))) for field in record["fields"]]
    found = {name: kind for name, kind in fields if kind is not None}
    return found if len(found) == len(fields) else None


def _kind(node: Any) -> Kind | None:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        inner = _kind(next((one for one in node if one != "null"), None))
        if inner is None or inner.union or len(node) != 2 or "null" not in node:  # noqa: PLR2004 - null or not
            return None
        union = tuple("null" if one == "null" else "value" for one in node)
        return Kind(inner.base, inner.logical, union, inner.name, inner.symbols)
    if isinstance(node, str):
        return Kind(node) if node in PRIMITIVES else None
    if not isinstance(node, dict):
        return None
    if node.get("type") == ENUM:
        return Kind(ENUM, name=node["name"], symbols=tuple(node["symbols"]))
    base = node.get("type")
    return Kind(base, node.get("logicalType", "")) if base in PRIMITIVES else None
