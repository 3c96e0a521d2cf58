"""The simulation as a stream of slices."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl

from fraud_core.errors import ConfigError
from fraud_producer.simulator.days import Day, days
from fraud_producer.simulator.labels import ORDER
from fraud_producer.simulator.settings import SimulatorSettings
from fraud_producer.slices import Slice

HOUR = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - event times are naive UTC
_EARLIEST = datetime(2000, 1, 1)  # noqa: DTZ001 - likewise
_HOURS_A_DAY = 24


def expected_transactions_per_hour(settings: SimulatorSettings) -> float:
    """Mean number of transactions an hour that these settings lead to, fraud included."""
    return settings.customers * settings.transactions_per_day / _HOURS_A_DAY / (1 - settings.fraud_share)


def simulate(
    settings: SimulatorSettings, start: datetime, until: datetime | None = None, *, step: timedelta = HOUR
) -> Iterator[Slice]:
    """Simulate a world from `start` on.

    The stream depends on settings and start alone: `until` cuts it, `step` cuts it into slices. Labels that
    would become known after `until` are not in it.

    Args:
        settings: the world.
        start: first moment of the stream, UTC (naive, or with a zone).
        until: end of the stream, excluded; without it the stream never ends.
        step: length of a slice in event time; the last one may be shorter.

    Returns:
        Slices without gaps, in event-time order, also where nothing happens.

    Raises:
        ConfigError: the times don't fit together.
    """
    first, last = _millis(start, "start"), None if until is None else _millis(until, "end")
    width = step // _MILLISECOND
    if width < 1:
        raise ConfigError(f"A slice of the simulation can't be {step} long; it takes a millisecond at least.")
    if last is not None and last <= first:
        raise ConfigError(f"The simulation would end at {until}, not after its start at {start}.")
    return _slices(days(settings, first), first, last, width)


def _slices(source: Iterator[Day], first: int, last: int | None, width: int) -> Iterator[Slice]:
    stock, begin = next(source), first
    while last is None or begin < last:
        end = begin + width if last is None else min(begin + width, last)
        stock = _reaching(stock, end, source)
        now, stock = _cut(stock, end)
        yield Slice(_moment(begin), _moment(end), now.transactions, now.labels, now.truth, now.logins)
        begin = end


def _reaching(stock: Day, end: int, source: Iterator[Day]) -> Day:
    """The stock with as many more days as it takes to know everything before `end`."""
    parts = [stock]
    while parts[-1].end < end:
        parts.append(next(source))
    if len(parts) == 1:
        return stock
    return Day(
        parts[-1].end,
        pl.concat([part.transactions for part in parts], rechunk=True),
        pl.concat([part.truth for part in parts], rechunk=True),
        pl.concat([part.labels for part in parts], rechunk=True).sort(ORDER),
        pl.concat([part.logins for part in parts], rechunk=True).sort("timestamp", maintain_order=True),
    )


def _cut(stock: Day, end: int) -> tuple[Day, Day]:
    """What happened and became known before `end`, and the rest."""
    rows = _before(stock.transactions["timestamp"], end)
    known = _before(stock.labels["labelled_at"], end)
    tried = _before(stock.logins["timestamp"], end)
    now = Day(end, stock.transactions[:rows], stock.truth[:rows], stock.labels[:known], stock.logins[:tried])
    later = Day(
        stock.end, stock.transactions[rows:], stock.truth[rows:], stock.labels[known:], stock.logins[tried:]
    )
    return now, later


def _before(times: pl.Series, end: int) -> int:
    return int(times.to_physical().search_sorted(end))


def _millis(moment: datetime, name: str) -> int:
    naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if naive < _EARLIEST:
        raise ConfigError(f"The simulation's {name}, {moment}, is before the year 2000; choose a later one.")
    return (naive - _EPOCH) // _MILLISECOND


def _moment(millis: int) -> datetime:
    return _EPOCH + millis * _MILLISECOND
