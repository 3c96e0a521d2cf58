"""A record as one line for people. Control characters are escaped, so no record can take over a terminal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from confluent_kafka import Message

from fraud_core.schemas import schema
from fraud_detector.dead_letters import PREFIX
from fraud_local.values import Value, headers, kafka_time

DECISION = f"{schema('Decision')['namespace']}.Decision"
MOST_BYTES = 60
EXCEPTION = f"{PREFIX}exception.message"


def line(message: Message, value: Value) -> str:
    """The record as one line: decisions and dead letters by what matters of them, others field by field."""
    context = headers(message)
    if EXCEPTION in context:
        return _dead_letter(message, value, context)
    if value.schema == DECISION and isinstance(value.content, Mapping):
        return _decision(value.content)
    said = (
        _fields(value.content) if value.fault is None else f"{shown_bytes(value.raw)}  ({safe(value.fault)})"
    )
    return f"{_time(kafka_time(message))}  {shown_bytes(message.key())}  {said}"


def safe(text: str) -> str:
    """The text with every character escaped that a terminal would act on."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def shown_bytes(raw: bytes | str | None) -> str:
    """Bytes as text where they are, the others in hexadecimal, cut to a length that fits a line."""
    if raw is None:
        return "null"
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace")
    return safe(text[:MOST_BYTES]) + ("..." if len(text) > MOST_BYTES else "")


def number(found: object, digits: int = 2) -> str:
    """A number for people, `-` where it is unknown."""
    return f"{found:,.{digits}f}" if isinstance(found, float | int) else "-"


def _decision(content: Mapping[str, Any]) -> str:
    verdict = "FRAUD" if content.get("fraudulent") else "ok"
    reasons = "; ".join(safe(str(reason)) for reason in content.get("reason") or ())
    return (
        f"{_time(content.get('timestamp'))}  {verdict:<5}  {number(content.get('amount')):>10}  "
        f"score {number(content.get('score'), 4)}  {safe(str(content.get('user')))}  {reasons}"
    ).rstrip()


def _dead_letter(message: Message, value: Value, context: Mapping[str, bytes | None]) -> str:
    def said(name: str) -> str:
        return safe((context.get(PREFIX + name) or b"").decode("utf-8", "replace"))

    record = _fields(value.content) if value.fault is None else shown_bytes(value.raw)
    return (
        f"{_time(kafka_time(message))}  {shown_bytes(message.key())}  {said('stage')}: "
        f"{said('exception.message')}  {said('topic')}[{said('partition')}]@{said('offset')}  {record}"
    )


def _fields(content: object) -> str:
    if not isinstance(content, Mapping):
        return safe(str(content))
    return " ".join(
        f"{name}={_field(found)}" for name, found in content.items() if found not in (None, [], {})
    )


def _field(found: object) -> str:
    if isinstance(found, datetime):
        return found.isoformat()
    if isinstance(found, Mapping):
        return "{" + _fields(found) + "}"
    if isinstance(found, list):
        return "[" + ", ".join(_field(one) for one in found) + "]"
    return f"{found:g}" if isinstance(found, float) else safe(str(found))


def _time(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if isinstance(moment, datetime) else "-" * 19
