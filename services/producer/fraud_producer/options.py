"""What `fraudstream producer` was asked for, held against itself before anything starts."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from fraud_core.errors import ConfigError

Source = Literal["seed", "realistic", "input"]

DEFAULT_CLOCK = 3_600.0
DEFAULT_LABEL_DELAY = timedelta(days=7)
LONGEST = timedelta(days=36_525)
"""A century; calendars end, and sums of times with them."""


@dataclass(frozen=True)
class Options:
    """The flags; None, False or empty where one was not given. `fraud_producer.cli` says what each means."""

    profile: Literal["seed", "realistic"] | None = None
    rate: float | None = None
    flat_out: bool = False
    count: int | None = None
    seed: int | None = None
    customers: int | None = None
    fraud_share: float | None = None
    start: datetime | None = None
    until: datetime | None = None
    days: float | None = None
    clock: float | None = None
    history: timedelta | None = None
    input: Path | None = None
    map: tuple[str, ...] = ()
    speed: float | None = None
    label: str | None = None
    label_delay: timedelta | None = None
    label_frauds_only: bool = False
    rejects: Path | None = None

    @property
    def source(self) -> Source:
        """Where the transactions come from."""
        return "input" if self.input else self.profile or "realistic"

    @property
    def pace_is_flat_out(self) -> bool:
        """Whether nothing but the brokers limits the rate."""
        return self.flat_out or self.rate == 0 or self.speed == float("inf")


_REALISTIC_ONLY = ("customers", "fraud_share", "start", "until", "days", "clock", "history")
_INPUT_ONLY = ("map", "speed", "label", "label_delay", "label_frauds_only", "rejects")
_FOREIGN: dict[Source, tuple[str, ...]] = {
    "seed": (*_REALISTIC_ONLY, *_INPUT_ONLY),
    "realistic": _INPUT_ONLY,
    "input": ("profile", "seed", *_REALISTIC_ONLY),
}
_EXCLUSIVE = (
    ("rate", "flat_out"),
    ("rate", "speed"),
    ("flat_out", "speed"),
    ("flat_out", "clock"),
    ("days", "until"),
)
_MEANT_FOR = dict.fromkeys(_REALISTIC_ONLY, "--profile realistic") | dict.fromkeys(_INPUT_ONLY, "--input")


def check(options: Options) -> None:
    """Refuse flags that contradict each other or that would be ignored.

    Raises:
        ConfigError: names the flags and says what to do.
    """
    source = options.source
    _check_sizes(options)
    for name in _FOREIGN[source]:
        if _given(options, name):
            raise ConfigError(_does_not_fit(name, source))
    for one, other in _EXCLUSIVE:
        if _given(options, one) and _given(options, other):
            raise ConfigError(f"{_flag(one)} and {_flag(other)} contradict each other; give one of them.")
    if all(_given(options, name) for name in ("rate", "clock", "customers")):
        raise ConfigError("--rate, --clock and --customers: two of them determine the third; leave one out.")
    needless = [name for name in ("label_delay", "label_frauds_only") if _given(options, name)]
    if needless and options.label is None:
        raise ConfigError(
            f"{_flag(needless[0])} says how labels go; add --label COLUMN to have labels at all."
        )


def _check_sizes(options: Options) -> None:
    for name in ("rate", "clock"):
        if math.isinf(getattr(options, name) or 0.0):
            raise ConfigError(f"{_flag(name)} can't be infinite; --flat-out is as fast as the brokers allow.")
    longest = {"history": options.history, "label_delay": options.label_delay}
    too_long = [name for name, length in longest.items() if length and length > LONGEST]
    if options.days and options.days > LONGEST.days:
        too_long.append("days")
    if too_long:
        raise ConfigError(f"{_flag(too_long[0])} is longer than {LONGEST.days:,} days; give a shorter time.")


def _does_not_fit(name: str, source: Source) -> str:
    if name in {"profile", "seed"}:
        return f"{_flag(name)} is for simulated transactions, not for --input; leave one of them out."
    here = "--input" if source == "input" else f"--profile {source}"
    return f"{_flag(name)} goes with {_MEANT_FOR[name]}, not with {here}; leave it out or change the source."


def _given(options: Options, name: str) -> bool:
    value = getattr(options, name)
    return value is not None and value is not False and value != ()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
