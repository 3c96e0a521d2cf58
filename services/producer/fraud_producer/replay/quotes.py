"""Finds the rows of a CSV file that are not what its header promises, so that they alone are rejected.

A parser takes everything after a stray quote for one value, or gives the whole file up. Where a row has more
values than the header, as where a decimal comma has no quotes, they stand under the wrong names. Empty values
at its end stand under none, and many programs end each line, or the header alone, with a separator.
"""

import gzip
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

FAULT = "the quotes of the row are not closed, or stand within a value"
GZIPPED = ".gz"
MOST_LINES = 100
"""A quoted value may have line breaks, though not more than these."""
_QUOTED = re.compile(rb'"[^"]*"')
_EMPTY = rb'(?: *|"")'


def opened(path: Path) -> BinaryIO:
    """The file's content as it is once unpacked."""
    return cast("BinaryIO", gzip.open(path)) if path.suffix.lower() == GZIPPED else path.open("rb")


@dataclass(frozen=True)
class Mended:
    """A file of which every row can be parsed.

    Attributes:
        text: the file, or its content with the rows left empty whose quotes do not close.
        faults: what is wrong with a row, by its number, counted from 1.
    """

    text: Path | BytesIO
    faults: dict[int, str]


def mended(path: Path, separator: str, columns: int) -> Mended:
    """The file, and which of its rows are broken or have another number of values than the header.

    Only a file with broken rows, or with values of several lines, is held in memory. A broken header is left
    as it is.

    Args:
        path: the file, which may be gzipped.
        separator: what stands between two values.
        columns: how many values the header has, up to the last that names a column. Empty ones after so many
            are not counted in rows either.
    """
    ragged = _ragged_lines(path, separator, columns)
    if ragged is not None:
        return Mended(path, {row: _ragged(count, columns) for row, count in ragged.iter_rows()})
    header, *records = _records(path, separator)
    faults = {row: FAULT for row, record in enumerate(records, 1) if record is None}
    text = BytesIO(b"".join([header or b"", *_without_broken(records, separator)])) if faults else path
    for row, record in enumerate(records, 1):
        if record is not None and (count := _values(record, separator, columns)) not in (0, columns):
            faults[row] = _ragged(count, columns)
    return Mended(text, faults)


def _ragged(values: int, columns: int) -> str:
    return f"the row has {values} value{'' if values == 1 else 's'}, the header {columns}"


def _without_broken(records: Sequence[bytes | None], separator: str) -> Iterator[bytes]:
    empty = b"\n" if separator.isspace() else separator.encode() + b"\n"
    yield from (empty if record is None else record for record in records)


def _values(record: bytes, separator: str, columns: int) -> int:
    """How many values a record has whose quotes close; a blank line has none."""
    if not record.strip():
        return 0
    written = _separators_in(record, separator) + 1
    if written <= columns:
        return written
    filled = re.sub(_empty_end(separator), b"", record.rstrip(b"\r\n"))
    return max(columns, _separators_in(filled, separator) + 1)


def _separators_in(record: bytes, separator: str) -> int:
    unquoted = _QUOTED.sub(b"", record) if b'"' in record else record
    return unquoted.count(separator.encode())


def _empty_end(separator: str) -> bytes:
    """Empty values at the end of a record."""
    return rb"(?:%b%b)*$" % (re.escape(separator.encode()), _EMPTY)


def _ragged_lines(path: Path, separator: str, columns: int) -> pl.DataFrame | None:
    """Numbers of the lines, the header being 0, with another number of values than it, and that number.

    None where a line is no record, as far as quotes go: quickly told, and seldom so.
    """
    line, quoted = pl.col("line"), pl.col("line").str.contains('"', literal=True)
    regular = f"^{_whole(separator, columns).pattern.decode().replace('*+', '*')}$"
    plain = ~quoted & (_separators(line, separator) == columns - 1)
    odd = ~(plain | line.str.contains(regular))
    lines = pl.scan_lines(path, name="line", row_index_name="row", glob=False).with_columns(
        line.str.strip_chars_start("\ufeff").str.strip_chars_end("\r")
    )
    try:
        found = lines.filter(odd & (line.str.strip_chars() != "")).collect(engine="streaming")
    except pl.exceptions.PolarsError:
        return None  # not all of it is UTF-8
    whole = f"^{_whole(separator).pattern.decode().replace('*+', '*')}$"
    if found.filter(quoted & ~line.str.contains(whole)).height:
        return None
    written, filled = (
        _separators(part.str.replace_all(_QUOTED.pattern.decode(), ""), separator) + 1
        for part in (line, line.str.replace(_empty_end(separator).decode(), ""))
    )
    values = pl.when(written <= columns).then(written).otherwise(pl.max_horizontal(filled, columns))
    with opened(path) as file:
        return found.select(pl.col("row").cast(pl.Int64) - _blank_before_header(file), values)


def _blank_before_header(lines: Iterable[bytes]) -> int:
    """How many lines a parser passes over before it takes one for the header, and be that one of spaces."""
    return sum(1 for _ in takewhile(lambda line: not line.removeprefix(BOM_UTF8).strip(b"\r\n"), lines))


def _separators(line: pl.Expr, separator: str) -> pl.Expr:
    return line.str.count_matches(separator, literal=True)


def _records(path: Path, separator: str) -> Iterator[bytes | None]:
    """The header with the blank lines before it, and the records; None for each that is broken."""
    with opened(path) as file:
        lines = file.read().splitlines(keepends=True)
    at = _blank_before_header(lines) + 1
    yield b"".join(lines[:at])
    whole, begun = _whole(separator), _begun(separator)
    while at < len(lines):
        end = _end(lines, at, whole, begun)
        yield b"".join(lines[at:end]) if end else None
        at = end or at + 1


def _end(lines: list[bytes], at: int, whole: re.Pattern[bytes], begun: re.Pattern[bytes]) -> int | None:
    """The line after the record that begins at this one, None if it is broken."""
    record = lines[at]
    for end in range(at + 1, at + MOST_LINES):
        if b'"' not in record or whole.fullmatch(record):
            return end
        if end == len(lines) or not begun.fullmatch(record):
            return None
        record += lines[end]
    return None


def _whole(separator: str, columns: int | None = None) -> re.Pattern[bytes]:
    """A record in which every quoted value is closed, of so many values and empty ones, or of any number."""
    value, between = _value(separator), re.escape(separator.encode())
    more = rb"(?:%b%b)*+" % (between, value)
    if columns is not None:
        more = rb"(?:%b%b){%d}(?:%b%b)*+" % (between, value, columns - 1, between, _EMPTY)
    return re.compile(rb"%b%b\r?\n?" % (value, more))


def _begun(separator: str) -> re.Pattern[bytes]:
    """A record whose last value may go on in the next line."""
    return re.compile(rb'(?:%b%b)*+"(?:[^"]|"")*+' % (_value(separator), re.escape(separator.encode())))


def _value(separator: str) -> bytes:
    return rb'(?:"(?:[^"]|"")*+"|[^"\r\n%b]*+)' % re.escape(separator.encode())
