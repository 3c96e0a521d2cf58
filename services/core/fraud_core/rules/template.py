"""Reasons: texts with {column} placeholders."""

from datetime import datetime
from string import Formatter

import polars as pl

from fraud_core.rules.columns import rule_columns, unknown_column
from fraud_core.rules.rule import Piece, Place

UNKNOWN = "unknown"


def parse_reason(text: str, place: Place) -> tuple[Piece, ...]:
    """The template in parts.

    Raises:
        RuleError: a placeholder is no column, or more than the name of one.
    """
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise place.error(f"the reason {text!r} can't be read: {error}. Write {{{{ for a brace.") from None
    return tuple(_piece(part, place) for part in parts)


def _piece(part: tuple[str, str | None, str | None, str | None], place: Place) -> Piece:
    text, column, spec, conversion = part
    if column is None:
        return Piece(text, None)
    if spec or conversion:
        raise place.error(f"the placeholder {{{column}…}} has a format; only {{column}} is allowed.")
    if column not in rule_columns():
        raise place.error(f"in the reason, {unknown_column(column)}")
    return Piece(text, column)


def fill(pieces: tuple[Piece, ...], columns: dict[str, pl.Series]) -> list[str]:
    """The reason for each row of `columns`; there is at least one column, and all are of one length."""
    length = len(next(iter(columns.values())))
    texts = [""] * length
    for piece in pieces:
        if piece.column is None:
            texts = [text + piece.text for text in texts]
        else:
            values = columns[piece.column].to_list()
            texts = [text + piece.text + _shown(value) for text, value in zip(texts, values, strict=True)]
    return texts


def _shown(value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)
