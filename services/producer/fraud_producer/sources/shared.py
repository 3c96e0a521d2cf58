"""What the sources share: the pace that was asked for, and seeds."""

import secrets
from datetime import UTC, datetime

from fraud_producer.options import Options
from fraud_producer.pacing import Clock, FlatOut, Pace, Steady

_SEEDS = 2**31


def base_pace(options: Options, speed: float | None, origin: datetime) -> Pace:
    """The pace asked for: a rate, flat out, or a clock that shows `origin` first; no `speed` is flat out."""
    if options.rate:
        return Steady(options.rate)
    if options.pace_is_flat_out or speed is None:
        return FlatOut()
    return Clock(millis(origin), speed)


def seed_of(options: Options) -> int:
    """Another seed each time, unless one is given: a second run must not repeat the first one's ids."""
    return secrets.randbelow(_SEEDS) if options.seed is None else options.seed


def millis(moment: datetime) -> int:
    """A naive UTC time in milliseconds since 1970."""
    return int(moment.replace(tzinfo=UTC).timestamp() * 1_000)
