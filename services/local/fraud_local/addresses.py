"""Where brokers and registry are for a command that a person types: named, or else on this machine."""

from dataclasses import dataclass
from typing import Any

from fraud_core import log
from fraud_core.cli import overrides
from fraud_core.errors import UnavailableError
from fraud_core.kafka import partition_counts
from fraud_core.settings import CoreSettings, KafkaSettings, SchemaRegistrySettings, load_settings

_NOWHERE = "http://nowhere"


class _Given(CoreSettings):
    """Settings in which an address that nobody named can be told from one that equals the default."""

    kafka: KafkaSettings = KafkaSettings(bootstrap_servers=_NOWHERE)
    schema_registry: SchemaRegistrySettings = SchemaRegistrySettings(url=_NOWHERE)


@dataclass(frozen=True)
class Found:
    """Settings with the addresses to use.

    Attributes:
        settings: of the command.
        guessed: whether nobody named an address and no stack runs here, so that the usual ones are tried.
    """

    settings: CoreSettings
    guessed: bool


def find(
    bootstrap_servers: str | None = None,
    schema_registry_url: str | None = None,
    topic_prefix: str | None = None,
) -> Found:
    """The settings: from flags, then the environment, then the stack that runs on this machine.

    The stack is taken only where neither address was named: half of it is never mixed with another's half.

    Raises:
        ConfigError: a setting is not allowed.
    """
    flags = overrides(
        kafka__bootstrap_servers=bootstrap_servers,
        schema_registry__url=schema_registry_url,
        topics__prefix=topic_prefix,
    )
    given = load_settings(_Given, **flags)
    if given.kafka.bootstrap_servers != _NOWHERE or given.schema_registry.url != _NOWHERE:
        return Found(load_settings(CoreSettings, **flags), guessed=False)
    # Imported late: images have no embedded stack, and look at the cluster that their environment names.
    from fraud_local.stack.datadir import read_state  # noqa: PLC0415
    from fraud_local.stack.places import default_data_dir  # noqa: PLC0415

    state = read_state(default_data_dir())
    if state is None:
        return Found(load_settings(CoreSettings, **flags), guessed=True)
    there = embedded(state.bootstrap_servers, state.schema_registry_url)
    return Found(load_settings(CoreSettings, **flags, **there), guessed=False)


def embedded(bootstrap_servers: str, schema_registry_url: str) -> dict[str, Any]:
    """Sections of settings for a stack of this machine, which no password for another cluster may reach."""
    return {
        "kafka": {"bootstrap_servers": bootstrap_servers, "security_protocol": "PLAINTEXT"},
        "schema_registry": {"url": schema_registry_url, "username": None},
    }


def existing_topics(found: Found) -> dict[str, int]:
    """Every topic with its number of partitions.

    Raises:
        UnavailableError: no broker answers; says how to start one where none was named.
    """
    try:
        return partition_counts(found.settings.kafka)
    except UnavailableError as error:
        if not found.guessed:
            raise
        raise UnavailableError(
            "No stack runs on this machine, and no Kafka broker answers at "
            f"{found.settings.kafka.bootstrap_servers}. Start `fraudstream demo` in another terminal, or "
            "name yours with --bootstrap-servers and --schema-registry-url."
        ) from error


def quiet(settings: CoreSettings) -> None:
    """Leave the terminal to the command's own messages; FRAUD_LOG__LEVEL=DEBUG shows the client's too."""
    log.configure(settings.log)
    if settings.log.level != "DEBUG":
        log.hush_client()
