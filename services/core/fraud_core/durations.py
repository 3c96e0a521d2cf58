"""Times as people type them: `7d`, `36h`, `2026-11-01`."""

import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")


def duration(text: str) -> timedelta:
    """`7d`, `12h`, `1d12h`, `90m`, `30s`, `2w` or `0`.

    Raises:
        typer.BadParameter: it is none of these.
    """
    parts = _PART.findall(text)
    if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
        raise typer.BadParameter(f"{text!r} is no duration; write it like 7d, 12h, 1d12h, 90m or 30s.")
    try:
        return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is longer than any calendar; give a shorter time.") from None


def moment(text: str) -> datetime:
    """An ISO 8601 date or time as naive UTC; without an offset it is UTC already.

    Raises:
        typer.BadParameter: it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no date or time; write it like 2026-11-01 or 2026-11-01T12:00."
        ) from None
