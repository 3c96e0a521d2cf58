"""Which topic a person means, and what to say where there is none of that name."""

from collections.abc import Collection
from dataclasses import replace
from difflib import get_close_matches

from fraud_core.errors import ConfigError
from fraud_core.settings import CoreSettings, load_settings
from fraud_core.setup import SetupSettings
from fraud_core.topics import Topics, topics

INTERNAL = "__"
INPUT = "transactions"


def visible(names: Collection[str]) -> list[str]:
    """The names without the broker's own topics, sorted."""
    return sorted(name for name in names if not name.startswith(INTERNAL))


def resolve(name: str, settings: CoreSettings, existing: Collection[str]) -> str:
    """The topic that is meant: the pipeline's own of that name, prefix added, or else exactly this.

    Raises:
        ConfigError: there is none; says which there are.
    """
    own = settings.topics.transactions if name == INPUT else f"{settings.topics.prefix}{name}"
    for candidate in (own, name):
        if candidate in existing:
            return candidate
    raise ConfigError(missing([own], settings, existing))


def of_pipeline(settings: CoreSettings) -> Topics:
    """The pipeline's topics; that of its dead letters may have a name of its own in the environment."""
    names = topics(settings.topics)
    letters = load_settings(SetupSettings).errors.deadletterqueue.topic.name or names.dead_letters.name
    return replace(names, dead_letters=replace(names.dead_letters, name=letters))


def check_pipeline(settings: CoreSettings, existing: Collection[str]) -> None:
    """See that the topics of these settings are there.

    Raises:
        ConfigError: one is not; says which there are.
    """
    absent = [topic.name for topic in of_pipeline(settings).all() if topic.name not in existing]
    if absent:
        raise ConfigError(missing(absent, settings, existing))


def setup_command(settings: CoreSettings) -> str:
    """Setup of the cluster of these settings; it looks for none by itself."""
    prefix = f" --topic-prefix {settings.topics.prefix}" if settings.topics.prefix else ""
    return (
        f"fraudstream setup --bootstrap-servers {settings.kafka.bootstrap_servers} "
        f"--schema-registry-url {settings.schema_registry.url}{prefix}"
    )


def _named(absent: list[str]) -> str:
    first, *others = absent
    if len(others) > 1:
        return f"{first}, nor {len(others)} others that a pipeline has,"
    return " and no topic ".join(absent)


def missing(absent: list[str], settings: CoreSettings, existing: Collection[str]) -> str:
    """What is not there, and what may have been meant."""
    where = settings.kafka.bootstrap_servers
    said = f"There is no topic {_named(absent)} at {where}."
    known = visible(existing)
    if not known:
        return f"{said} There are none at all: run `{setup_command(settings)}` first."
    plain = absent[0].removeprefix(settings.topics.prefix)
    if prefixes := sorted({one.removesuffix(plain) for one in known if one.endswith(plain)}):
        options = " or ".join(f"--topic-prefix '{prefix}'" for prefix in prefixes[:3])
        return f"{said} Did you mean {options}?"
    if close := get_close_matches(plain, known, n=1):
        return f"{said} Did you mean {close[0]}? There are: {', '.join(known)}."
    return f"{said} There are: {', '.join(known)}."
