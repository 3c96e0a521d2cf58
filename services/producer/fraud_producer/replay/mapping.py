"""`--map user=CUSTOMER_ID,amount=TX_AMOUNT`: which column of a file feeds which field of a transaction."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from fraud_core.errors import InputError
from fraud_core.schemas import field_names

FIELDS = field_names("Transaction")
REQUIRED = ("user", "amount", "timestamp")
_BETWEEN_PAIRS = re.compile(r",(?=\s*\w+\s*=)")  # so that a column's own name may have a comma
_USUAL_NAMES = {
    "user": ("user", "cust", "client", "account", "card", "payer"),
    "amount": ("amount", "amt", "value", "sum"),
    "timestamp": ("timestamp", "datetime", "date", "time", "when", "created"),
}


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Read `field=column` pairs, separated by commas or given one by one.

    Returns:
        Column of the file by field of the transaction.

    Raises:
        InputError: a pair is malformed, a field is unknown or given twice.
    """
    mapping: dict[str, str] = {}
    for pair in (pair for text in texts for pair in _BETWEEN_PAIRS.split(text)):
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not (field and equals and column):
            raise InputError(
                f"--map: {pair.strip()!r} is not of the form field=COLUMN, as in user=CUSTOMER_ID."
            )
        if field not in FIELDS:
            raise InputError(_unknown_field(field, column))
        if field in mapping:
            raise InputError(f"--map: {field} is given twice, as {mapping[field]} and as {column}; keep one.")
        mapping[field] = column
    return mapping


def _unknown_field(field: str, column: str) -> str:
    if column in FIELDS:
        hint = f"Write it the other way round: {column}={field}. "
    else:
        close = get_close_matches(field.lower(), FIELDS, 1, 0.5)
        hint = f"Did you mean {close[0]}? " if close else ""
    return f"--map: a transaction has no field {field!r}. {hint}Its fields: {', '.join(FIELDS)}."


def check_mapping(mapping: Mapping[str, str], label: str | None, columns: Sequence[str], file: str) -> None:
    """Hold the mapping against the columns that the file has.

    Raises:
        InputError: a column is not in the file, or a field that every transaction needs is not mapped.
    """
    for field, column in [*mapping.items(), *([("--label", label)] if label is not None else [])]:
        if column not in columns:
            raise InputError(_unknown_column(field, column, columns, file))
    missing = [field for field in REQUIRED if field not in mapping]
    if missing:
        raise InputError(_not_mapped(missing, columns, file))


def as_in_file(column: str, columns: Sequence[str]) -> str:
    """The column's name in the file, where spaces may stand around it that nobody sees."""
    if column in columns:
        return column
    alike = [name for name in columns if name.strip() == column.strip()]
    return alike[0] if len(alike) == 1 else column


def _unknown_column(field: str, column: str, columns: Sequence[str], file: str) -> str:
    by_lower = {name.lower(): name for name in columns}
    close = get_close_matches(column.lower(), by_lower, 1, 0.5)
    hint = f" Did you mean {by_lower[close[0]]}?" if close else ""
    return f"{file} has no column {column!r} (for {field}).{hint} Its columns: {', '.join(columns)}."


def _not_mapped(missing: Sequence[str], columns: Sequence[str], file: str) -> str:
    guesses = {field: _guess(field, columns) for field in missing}
    hint = ",".join(f"{field}={column or 'COLUMN'}" for field, column in guesses.items())
    return (
        f"Every transaction needs {', '.join(missing)}, and no column of {file} is mapped to it. "
        f"Add --map {hint}. Its columns: {', '.join(columns)}."
    )


def _guess(field: str, columns: Sequence[str]) -> str | None:
    for name in _USUAL_NAMES[field]:
        for column in columns:
            if name in column.lower():
                return column
    return None
