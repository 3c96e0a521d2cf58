"""Dead letters for people and programs; control characters are escaped, so none can take over a terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping

import orjson

from fraud_core.errors import UnavailableError
from fraud_local.dlq.letter import Letter
from fraud_local.lines import safe, shown_bytes
from fraud_local.values import Value, ValueReader, as_json, headers

DUMPED = 512
ROW = 16
Kind = tuple[str, str]


def line(letter: Letter, *, replayed: bool) -> str:
    """The letter as one line."""
    when = f"{letter.when:%Y-%m-%d %H:%M:%S}" if letter.when else "-" * 19
    wrong = safe(f"{letter.error}: {letter.text}")
    parts = [when, safe(str(letter.origin or "-")), safe(letter.stage), wrong]
    parts += [f"key {shown_bytes(letter.message.key())}", str(letter.spot)]
    return "  ".join([*parts, "replayed"] if replayed else parts)


def counts(kinds: Counter[Kind]) -> str:
    """Letters by stage and reason, the most frequent first."""
    return "\n".join(
        f"{count:>8,}  {safe(stage)}  {safe(reason)}" for (stage, reason), count in kinds.most_common()
    )


def json_line(letter: Letter, *, replayed: bool) -> str:
    """The letter as one JSON object."""
    origin = letter.origin
    said = orjson.loads(as_json(letter.message, Value(letter.message.value(), fault="not decoded")))
    said |= {
        "stage": letter.stage, "error": letter.error, "message": letter.text,
        "read_at": origin and str(origin), "place": str(letter.spot),
        "replayed": replayed, "lacks_record": letter.lacks_record,
    }  # fmt: skip
    for decoded in ("schema", "value", "fault"):
        del said[decoded]
    return orjson.dumps(said).decode()


def page(letter: Letter, reader: ValueReader, *, replayed: bool) -> Iterator[str]:
    """Everything about the letter, line by line."""
    yield f"dead letter   {letter.spot}{'  (replayed)' if replayed else ''}"
    yield f"when          {letter.when:%Y-%m-%d %H:%M:%S.%f} UTC" if letter.when else "when          -"
    yield f"read at       {safe(str(letter.origin or '- (it has no headers that say so)'))}"
    yield f"stage         {safe(letter.stage)}"
    yield f"what is wrong {safe(f'{letter.error}: {letter.text}')}"
    yield f"key           {_bytes(letter.message.key())}"
    yield "headers"
    for name, value in headers(letter.message).items():
        yield from _header(name, value)
    if letter.lacks_record:
        yield "value         left out: it did not fit. Read it where it was read, while it is retained there."
        return
    raw = letter.message.value()
    yield f"value         {'null' if raw is None else f'{len(raw):,} bytes'}"
    yield from dump(raw or b"")
    yield from _decoded(raw, reader)


def dump(raw: bytes) -> Iterator[str]:
    """The first bytes in hexadecimal and as text, sixteen a line."""
    for start in range(0, min(len(raw), DUMPED), ROW):
        row = raw[start : min(start + ROW, DUMPED)]
        text = "".join(
            char if char.isascii() and char.isprintable() else "." for char in row.decode("latin-1")
        )
        yield f"  {start:06x}  {row.hex(' '):<{3 * ROW - 1}}  {text}"
    if len(raw) > DUMPED:
        yield f"  ... and {len(raw) - DUMPED:,} bytes more; `fraudstream topics tail --json` has them all."


def _header(name: str, value: bytes | None) -> Iterator[str]:
    rows = (value or b"").decode("utf-8", "backslashreplace").splitlines()
    if len(rows) > 1:
        yield f"  {safe(name)}"
        yield from (f"    {safe(row)}" for row in rows)
    else:
        yield f"  {safe(name)}  {_bytes(value)}"


def _bytes(raw: bytes | str | None) -> str:
    """Text where it is text; else also hexadecimal."""
    shown = shown_bytes(raw) if raw is None else safe(_text(raw))
    plain = raw.encode() if isinstance(raw, str) else raw
    if plain is None or shown.encode() == plain:
        return shown
    return f"{shown}  (hex {plain[:DUMPED].hex(' ')})"


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace")


def _decoded(raw: bytes | None, reader: ValueReader) -> Iterator[str]:
    try:
        value = reader.read(raw)
    except UnavailableError as error:
        yield f"decoded       no: {error}"
        return
    if value.fault is not None:
        yield f"decoded       no: {safe(value.fault)}"
        return
    yield f"decoded       {value.schema}"
    fields = value.content if isinstance(value.content, Mapping) else {"": value.content}
    yield from (f"  {name:<22} {safe(str(content))}" for name, content in fields.items())
