"""What `fraudstream demo` was asked for, and what that means for the producer."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fraud_core.errors import ConfigError
from fraud_producer.options import Options, check

HISTORY = timedelta(days=30)
LIVE_AGO = timedelta(days=30)
"""The live part begins so long ago: an accelerated clock needs time that it can run through."""
MORE_THAN_ZERO = "{flag} must be more than 0."


@dataclass(frozen=True)
class DemoOptions:
    """The flags that are the demo's own; `producer` holds those that it passes on.

    Attributes:
        producer: what to produce, as `fraudstream producer` takes it.
        duration: seconds of the live part; None goes on until Ctrl-C.
        history: simulated time that is replayed first; None is `HISTORY`, for the realistic profile.
        headless: lines instead of the live view.
        data_dir: keeps topics, schemas, logs and reports; None is the user's own data directory.
        fresh: delete topics and schemas first.
        picture: where to save the last screen as SVG.
        bootstrap_servers: brokers to use instead of the embedded one.
        schema_registry_url: registry to use instead of the embedded one.
        topic_prefix: before every topic's name but the input's.
    """

    producer: Options
    duration: float | None = None
    history: timedelta | None = None
    headless: bool = False
    data_dir: Path | None = None
    fresh: bool = False
    picture: Path | None = None
    bootstrap_servers: str | None = None
    schema_registry_url: str | None = None
    topic_prefix: str | None = None


def checked(options: DemoOptions) -> DemoOptions:
    """The options, if they go together.

    Raises:
        ConfigError: they don't; names the flags and says what to do.
    """
    if options.duration is not None and not options.duration > 0:  # nor is it NaN
        raise ConfigError(MORE_THAN_ZERO.format(flag="--duration"))
    if (options.bootstrap_servers is None) != (options.schema_registry_url is None):
        raise ConfigError(
            "--bootstrap-servers and --schema-registry-url go together: give both to use a cluster of yours, "
            "or neither for the embedded one."
        )
    if options.fresh and options.bootstrap_servers:
        raise ConfigError("--fresh deletes the embedded broker's data; leave it out with a cluster of yours.")
    check(replace(options.producer, history=options.history))
    return options


def scheduled(options: DemoOptions, now: datetime | None = None) -> tuple[Options, datetime | None]:
    """What the producer gets, and the event time at which the live part begins (naive UTC).

    None where all is live: the tutorial's stream and a file have no history to warm up on.
    """
    if options.producer.source != "realistic":
        return options.producer, None
    history = HISTORY if options.history is None else options.history
    today = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    start = options.producer.start or today - LIVE_AGO - history
    producer = replace(options.producer, start=start, history=history or None)
    return producer, start + history
