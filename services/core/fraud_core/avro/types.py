"""Arrow types of our Avro schemas, and frames as Arrow batches of exactly these types."""

import json
from functools import cache

import polars as pl
import pyarrow as pa
import pyruhvro

from fraud_core.schemas import schema, schema_text

SAYS_BYTES = {"type", "name", "fields", "items", "values", "symbols", "size", "logicalType"}
"""Attributes of a schema by which values are written, or types and fields are matched."""


def arrow_schema(avro: str) -> pa.Schema:
    """The Arrow schema that pyruhvro reads and writes for this Avro schema (a JSON text)."""
    return pyruhvro.deserialize_array([], avro).schema


@cache
def arrow_type(name: str) -> pa.Schema:
    """The Arrow schema of `schemas/<name>.avsc`."""
    return arrow_schema(schema_text(name))


@cache
def polars_schema(name: str) -> pl.Schema:
    """The columns of a frame of `schemas/<name>.avsc`; timestamps are naive UTC in milliseconds."""
    empty = pl.from_arrow(arrow_type(name).empty_table())
    assert isinstance(empty, pl.DataFrame)  # noqa: S101 - a table never becomes a series
    return empty.schema


def to_arrow(frame: pl.DataFrame, name: str) -> pa.RecordBatch:
    """The frame as one batch of the schema's Arrow type; columns in any order, missing ones null."""
    wanted = polars_schema(name)
    missing = [
        pl.lit(None, dtype=dtype).alias(column)
        for column, dtype in wanted.items()
        if column not in frame.columns
    ]
    table = frame.with_columns(missing).select(wanted.names()).to_arrow()
    batches = table.combine_chunks().cast(arrow_type(name)).to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=arrow_type(name))


@cache
def enum_fields(name: str) -> frozenset[str]:
    """Names of the fields of `schemas/<name>.avsc` whose type is an enum, nullable or not."""
    return frozenset(
        field["name"] for field in schema(name)["fields"] if '"enum"' in json.dumps(field["type"])
    )


@cache
def same_record(writer: str, name: str) -> bool:
    """Whether the writer's schema reads and writes the very bytes of ours, and names the same things."""
    try:
        found = json.loads(writer)
    except ValueError:  # a registry checks it, but nobody has to have asked one
        return False
    return bare(found) == bare(schema(name))


def bare(node: object) -> object:
    """A schema without what says nothing of bytes or names: documentation, or Java's kinds of strings."""
    if isinstance(node, list):
        return [bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: bare(value) for key, value in node.items() if key in SAYS_BYTES}
    if found.keys() == {"type"}:
        return found["type"]
    return found | {"name": unqualified(str(found["name"]))} if "name" in found else found


def unqualified(name: str) -> str:
    """The name that counts where schemas are matched."""
    return name.rpartition(".")[2]
