"""The realistic simulation: what world, from when to when, at what pace."""

from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from fraud_core.errors import ConfigError
from fraud_core.log import logger
from fraud_producer.options import DEFAULT_CLOCK, LONGEST, Options
from fraud_producer.pacing import AfterHistory, NeverPassingNow
from fraud_producer.run import Plan
from fraud_producer.simulator import (
    MOST_CUSTOMERS,
    SimulatorSettings,
    expected_transactions_per_hour,
    simulate,
)
from fraud_producer.sources.shared import base_pace, millis, seed_of

log = logger(__name__)

LIVE_BEGINS = timedelta(days=30)
"""So long ago, by default: an accelerated clock needs time that it can run through."""
EARLIEST = datetime(2000, 1, 1)  # noqa: DTZ001 - event times are naive UTC
SPARE = 1.2
"""What is to be produced flat out begins so much earlier than it needs on average."""
_HOURS_A_DAY = 24


def realistic_plan(options: Options) -> Plan:
    """Simulate: history flat out, then a clock or a rate, and never beyond now.

    Raises:
        ConfigError: the times don't fit together, or there can't be such a world.
    """
    world = _world(options)
    begin, live, until = _times(options, expected_transactions_per_hour(world))
    speed = None if options.rate else options.clock or DEFAULT_CLOCK
    log.info(
        "simulating",
        seed=world.seed,
        customers=world.customers,
        start=f"{begin:%Y-%m-%dT%H:%M}",
        live_from=f"{live:%Y-%m-%dT%H:%M}",
        until=f"{until:%Y-%m-%dT%H:%M}" if until else "stopped",
        pace=_pace_in_words(options, speed),
    )
    return Plan(
        title="Simulating",
        slices=simulate(world, begin, until),
        pace=AfterHistory(NeverPassingNow(base_pace(options, speed, live)), millis(live)),
        count=options.count,
        total=options.count,
    )


def _world(options: Options) -> SimulatorSettings:
    known = {"seed": seed_of(options), "fraud_share": options.fraud_share, "customers": options.customers}
    world = _checked({name: value for name, value in known.items() if value is not None})
    if options.customers or not options.rate:
        return world
    wanted_per_hour = options.rate * 3_600 / (options.clock or DEFAULT_CLOCK)
    customers = world.customers * wanted_per_hour / expected_transactions_per_hour(world)
    return world.model_copy(update={"customers": round(min(MOST_CUSTOMERS, max(10, customers)))})


def _checked(known: dict[str, float]) -> SimulatorSettings:
    try:
        return SimulatorSettings.model_validate(known)
    except ValidationError as error:
        faults = [
            f"--{'-'.join(map(str, fault['loc'])).replace('_', '-')} {fault['input']}: {fault['msg']}."
            for fault in error.errors(include_url=False)
        ]
        raise ConfigError("There can't be such a simulation. " + " ".join(faults)) from None


def _times(options: Options, per_hour: float) -> tuple[datetime, datetime, datetime | None]:
    """Where the stream begins, where its history ends, and where it ends itself."""
    now = datetime.now(UTC).replace(tzinfo=None)
    history = options.history or timedelta()
    length = timedelta(days=options.days) if options.days else None
    begin = options.start or _midnight(now - history - (length or _room(options, per_hour)))
    live = begin + history
    until = live + length if length else options.until
    if begin < EARLIEST:
        raise ConfigError(f"The simulation would begin at {begin:%Y-%m-%d}; it can't before the year 2000.")
    if begin > now:
        raise ConfigError(
            f"--start {begin:%Y-%m-%dT%H:%M} is in the future; event time never passes now (UTC)."
        )
    if until and until <= begin:
        raise ConfigError(f"--until {until:%Y-%m-%dT%H:%M} is not after the start, {begin:%Y-%m-%dT%H:%M}.")
    return begin, live, until


def _room(options: Options, per_hour: float) -> timedelta:
    """How long ago to begin: far enough for what is to be produced flat out to have happened."""
    if options.pace_is_flat_out and options.count:
        days = SPARE * options.count / per_hour / _HOURS_A_DAY
        return max(LIVE_BEGINS, timedelta(days=min(LONGEST.days, days)))
    return LIVE_BEGINS


def _pace_in_words(options: Options, speed: float | None) -> str:
    if options.rate:
        return f"{options.rate:g} transactions a second"
    return "flat out" if options.pace_is_flat_out else f"{speed:g} simulated seconds a second"


def _midnight(moment: datetime) -> datetime:
    """The beginning of that day, so that the same seed gives the same stream all day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
