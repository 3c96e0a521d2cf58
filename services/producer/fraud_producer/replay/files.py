"""Opens a history as a lazy frame, whatever its format; values of text formats stay text until judged.

Schema inference would make one odd value in the millionth line fail the whole file, so CSV and JSON lines
are read as text, and `fraud_producer.replay.convert` judges each row by itself.
"""

import re
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import orjson
import polars as pl

from fraud_core.errors import InputError
from fraud_producer.replay import quotes
from fraud_producer.replay.quotes import GZIPPED

ROW = "\0row"
"""Column of row numbers, counted from 1; its name cannot be a column's of a file."""
FAULT = "\0fault"
"""Column that says what is wrong with the row as it stands in the file, null if it can be read."""
_LINE = "\0line"
_SEPARATORS = ",;\t|"
_LINES_LOOKED_AT = 1_000
_UNNAMED = re.compile(r"\s*|_duplicated_\d+")
"""What the parser calls columns without a name; all but the first get one."""


def open_history(path: Path) -> pl.LazyFrame:
    """The rows of a `.csv`, `.parquet` or `.jsonl` file, with `ROW` and `FAULT`.

    Row 1 is the first record; in JSON lines it is the first line. Text may be gzipped, as in `.csv.gz`.

    Raises:
        InputError: the file is missing, empty, unreadable or of another kind.
    """
    reader = _READERS.get(_kind(path))
    if not path.exists():
        raise InputError(f"There is no file {path}; is the path right? (Seen from {Path.cwd()}.)")
    if not path.is_file():
        raise InputError(f"{path} is a folder, not a file.")
    if reader is None:
        known = ", ".join(_READERS)
        raise InputError(
            f"{path} ends in {_kind(path) or 'nothing'!r}; a history is read from {known} files."
        )
    try:
        if not path.stat().st_size:
            raise InputError(f"{path} is empty.")
        if reader is not _parquet:
            _check_encoding(path)
        return reader(path)
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from error


def _check_encoding(path: Path) -> None:
    with quotes.opened(path) as file:
        begins = file.read(2)
    if begins in {BOM_UTF16_LE, BOM_UTF16_BE}:
        raise InputError(f"{path} is UTF-16; save it as UTF-8.")


def _kind(path: Path) -> str:
    """How its name ends, also where it is gzipped."""
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() + suffix if suffix == GZIPPED else suffix


def unreadable(path: Path, error: Exception) -> InputError:
    """Words for a file that turned out not to be what its name says."""
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"{path} can't be read as {_kind(path).lstrip('.')}: {first_line}")


def _csv(path: Path) -> pl.LazyFrame:
    separator = _separator(path)
    found = quotes.mended(path, separator, _named(_rows(path, separator).drop(ROW).collect_schema().names()))
    rows, faults = pl.Series(list(found.faults), dtype=pl.get_index_type()), list(found.faults.values())
    fault = pl.col(ROW).replace_strict(rows, faults, default=None, return_dtype=pl.String)
    return _rows(found.text, separator).with_columns(fault.alias(FAULT))


def _named(columns: list[str]) -> int:
    """How many columns there are up to the last that has a name in the file."""
    named = [at for at, name in enumerate(columns, 1) if not _UNNAMED.fullmatch(name)]
    return max(named, default=len(columns))


def _rows(text: Path | BytesIO, separator: str) -> pl.LazyFrame:
    """As the parser has them: values beyond those of the header are cut off, missing ones are null."""
    return pl.scan_csv(
        text,
        separator=separator,
        infer_schema=False,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        glob=False,
        row_index_name=ROW,
        row_index_offset=1,
    )


def _separator(path: Path) -> str:
    """Whichever of the usual separators the header line has most of."""
    with quotes.opened(path) as file:
        header = next((line for line in file if line.strip()), b"").decode("utf-8-sig", errors="replace")
    return max(_SEPARATORS, key=header.count)


def _parquet(path: Path) -> pl.LazyFrame:
    frame = pl.scan_parquet(path, glob=False, row_index_name=ROW, row_index_offset=1)
    frame.collect_schema()
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(FAULT))


def _json_lines(path: Path) -> pl.LazyFrame:
    names = _keys(path)
    if not names:
        raise InputError(f"{path} has no JSON object in its first {_LINES_LOOKED_AT} lines.")
    lines = pl.scan_lines(path, name=_LINE, glob=False, row_index_name=ROW, row_index_offset=1)
    line = pl.col(_LINE).str
    is_object = line.strip_chars().str.starts_with("{") & line.json_path_match("$").is_not_null()
    fault = pl.when(~is_object).then(pl.lit("the line is no JSON object")).alias(FAULT)
    return lines.filter(line.strip_chars() != "").select(ROW, fault, *map(_value, names))


def _value(name: str) -> pl.Expr:
    """The value of this key as text; null where the line lacks it or is no JSON object."""
    return pl.col(_LINE).str.json_path_match(f"$[{orjson.dumps(name).decode()}]").alias(name)


def _keys(path: Path) -> list[str]:
    names: dict[str, None] = {}
    with quotes.opened(path) as file:
        for _, line in zip(range(_LINES_LOOKED_AT), file, strict=False):
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            names |= dict.fromkeys(found) if isinstance(found, dict) else {}
    return list(names)


_READERS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
_READERS |= {f"{kind}{GZIPPED}": read for kind, read in _READERS.items() if read is not _parquet}
