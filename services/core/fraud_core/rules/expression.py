"""Expressions: the part of SQL in which a row's answer depends on nothing but that row.

An allow-list over the words of the expression keeps out what looks at other rows (aggregates, windows,
subqueries), at the clock, at files, or fails on some values (casts): a decision may not depend on where a
batch ends, and no value may stop the stream. What passes is compiled by polars and tried on a probe.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from fraud_core.rules.columns import rule_columns, unknown_column
from fraud_core.rules.probe import probe_fault
from fraud_core.rules.rule import Place

KEYWORDS = frozenset(
    {"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "LIKE", "ILIKE", "DISTINCT", "FROM", "TRUE", "FALSE"}
    | {"CASE", "WHEN", "THEN", "ELSE", "END"}
)
FUNCTIONS = frozenset(
    {"ABS", "CEIL", "FLOOR", "ROUND", "GREATEST", "LEAST", "COALESCE", "NULLIF"}
    | {"LOWER", "UPPER", "LENGTH", "STARTS_WITH", "ENDS_WITH"}
)
MOST_OPERATORS = 500
"""More than these nest deeper than the SQL engine's stack goes; a list of values in IN () has no limit."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>--|/\*)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"[^"]+")
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<operator><>|!=|<=|>=|\|\||[=<>+*/%-])
    |(?P<punctuation>[(),])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    calls: bool


def compile_expression(text: str, place: Place) -> pl.Expr:
    """The condition as an expression over the columns that rules may read.

    Raises:
        RuleError: it is no SQL, names unknown columns, is not true or false, or is not about one row.
    """
    sql = plain_sql(text, place)
    try:
        condition = pl.sql_expr(sql)
    except pl.exceptions.PolarsError as error:
        raise place.error(f"`{text}` is no SQL condition: {_first_line(error)}.") from None
    if not condition.meta.eq(condition.meta.undo_aliases()):
        # SQL reads a word too many as a name for the result, and would leave it out without a word.
        raise place.error(f"`{text}` is no SQL condition: an operator is missing before its last word.")
    if fault := probe_fault(condition):
        raise place.error(f"`{text}` can't be used: {fault}")
    return condition


def plain_sql(text: str, place: Place) -> str:
    """The expression as it is compiled: one space between words, columns quoted.

    Raises:
        RuleError: it has words that an expression can't have, or reads no column.
    """
    tokens = list(_tokens(text, place))
    operators = sum(token.kind == "operator" or token.text.upper() in {"AND", "OR"} for token in tokens)
    if operators > MOST_OPERATORS:
        raise place.error(f"it has more than {MOST_OPERATORS} operators. Use a list: merchant IN ('A', 'B').")
    checked = [_checked(token, before, place) for before, token in pairwise([None, *tokens]) if token]
    if not any(_column(token) for token in tokens):
        raise place.error(f"`{text}` reads no column, so it is the same for every transaction.")
    return " ".join(checked)


def _tokens(text: str, place: Place) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise place.error(f"`{text[position:][:20]}` is not understood in `{text}`.")
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "comment":
            raise place.error("write comments in YAML, after a #, not inside the expression.")
        if kind != "space":
            yield _Token(kind, match.group(), calls=text[position:].lstrip().startswith("("))


def _column(token: _Token) -> str | None:
    """The column that the token names, if it names one."""
    if token.kind == "quoted":
        return token.text[1:-1]
    if token.kind == "word" and token.text.upper() not in KEYWORDS and not token.calls:
        return token.text
    return None


def _checked(token: _Token, before: _Token | None, place: Place) -> str:
    """The token as SQL; columns are quoted, for `user` and others are words of SQL too."""
    column = _column(token)
    if column is not None:
        if column not in rule_columns():
            raise place.error(unknown_column(column))
        return f'"{column}"'
    word = token.text.upper()
    if token.kind == "word" and word not in KEYWORDS | FUNCTIONS:
        raise place.error(
            f"the function `{token.text}` is not allowed: a rule may only look at its own row. "
            f"Allowed are {', '.join(sorted(FUNCTIONS))}."
        )
    if word == "NULL" and (before is None or before.text.upper() not in {"IS", "NOT"}):
        raise place.error("nothing is ever equal to NULL. Write `column IS NULL` or `column IS NOT NULL`.")
    return token.text


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
