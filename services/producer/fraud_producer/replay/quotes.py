"""Finds the rows of a CSV file whose quotes do not close, so that they alone are rejected.

A parser takes everything after a stray quote for one value, or gives the whole file up.
"""

import gzip
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

FAULT = "the quotes of the row are not closed, or stand within a value"
GZIPPED = ".gz"
MOST_LINES = 100
"""A quoted value may have line breaks, though not more than these."""


def opened(path: Path) -> BinaryIO:
    """The file's content as it is once unpacked."""
    return cast("BinaryIO", gzip.open(path)) if path.suffix.lower() == GZIPPED else path.open("rb")


def mended(path: Path, separator: str) -> tuple[BytesIO, list[int]] | None:
    """The file with its broken rows left empty, and their numbers, counted from 1; None if it has none.

    Only a file with broken rows is held in memory. A broken header is left as it is.
    """
    if _surely_whole(path, separator):
        return None
    header, *records = _records(path, separator)
    broken = [row for row, record in enumerate(records, 1) if record is None]
    empty = b"\n" if separator.isspace() else separator.encode() + b"\n"
    rows = (empty if record is None else record for record in records)
    return (BytesIO(b"".join([header or b"", *rows])), broken) if broken else None


def _surely_whole(path: Path, separator: str) -> bool:
    """Whether every line is a record, as far as quotes go: the usual case, and quickly told."""
    line = pl.col("line").str.strip_chars_start("\ufeff").str.strip_chars_end("\r")
    whole = f"^{_whole(separator).pattern.decode().replace('*+', '*')}$"
    doubtful = pl.scan_lines(path, name="line", glob=False).filter(
        line.str.contains('"', literal=True) & ~line.str.contains(whole)
    )
    try:
        return doubtful.head(1).collect(engine="streaming").is_empty()
    except pl.exceptions.PolarsError:
        return False  # not all of it is UTF-8


def _records(path: Path, separator: str) -> Iterator[bytes | None]:
    """The header, and the records; None for each that is broken."""
    with opened(path) as file:
        header, *lines = file.read().splitlines(keepends=True)
    yield header
    whole, begun, at = _whole(separator), _begun(separator), 0
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


def _whole(separator: str) -> re.Pattern[bytes]:
    """A record in which every quoted value is closed."""
    value = _value(separator)
    return re.compile(rb"(?:%b%b)*+%b\r?\n?" % (value, re.escape(separator.encode()), value))


def _begun(separator: str) -> re.Pattern[bytes]:
    """A record whose last value may go on in the next line."""
    return re.compile(rb'(?:%b%b)*+"(?:[^"]|"")*+' % (_value(separator), re.escape(separator.encode())))


def _value(separator: str) -> bytes:
    return rb'(?:"(?:[^"]|"")*+"|[^"\r\n%b]*+)' % re.escape(separator.encode())
