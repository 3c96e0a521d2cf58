"""Settings that every service shares.

They come from environment variables with the prefix `FRAUD_` and `__` between the levels
(`FRAUD_KAFKA__BOOTSTRAP_SERVERS`); flags of a command override them. Secrets may also come as files: a
directory named by `FRAUD_SECRETS_DIR` holds one file a setting (`fraud_kafka__sasl_password`), for what no
variable sets. A file named by `FRAUD_ENV_FILE` holds lines `NAME=value` for variables that are not set, as an
image brings its model's.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from fraud_core.errors import ConfigError
from fraud_core.fixed_properties import refuse_fixed

ENV_PREFIX = "FRAUD_"
LOGIN_IN_URL = re.compile(r"(?<=//)[^@\s]*@")
SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def _readable(path: Path) -> Path:
    """Told at once and with its name: the clients only say that something is wrong with a file."""
    if not os.access(path, os.R_OK):
        raise ValueError("there is no such file, or it may not be read")
    return path


def _without_login(url: str) -> str:
    """Addresses stand in messages, so no password may stand in an address."""
    if LOGIN_IN_URL.search(url):
        raise ValueError(
            "user and password do not belong in the URL; they have settings of their own, "
            "schema_registry.username and schema_registry.password"
        )
    return url


def _settable(properties: dict[str, SecretStr]) -> dict[str, SecretStr]:
    refuse_fixed(properties)
    return properties


PipelineName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="The detectors' consumer group.")
]
ReadableFile = Annotated[Path, AfterValidator(_readable)]


class Section(BaseModel):
    """A group of settings: frozen, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """How to reach the brokers."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_location: ReadableFile | None = None
    ssl_certificate_location: ReadableFile | None = None
    ssl_key_location: ReadableFile | None = None
    ssl_key_password: SecretStr | None = None
    properties: Annotated[dict[str, SecretStr], AfterValidator(_settable)] = Field(
        default_factory=dict,
        description="Further librdkafka properties, as JSON; they win over ours, and may be secret. What "
        "deciding each record once rests on is refused.",
    )


class SchemaRegistrySettings(Section):
    """How to reach the Confluent-compatible schema registry."""

    url: Annotated[str, Field(pattern="^https?://."), AfterValidator(_without_login)] = (
        "http://127.0.0.1:8081"
    )
    username: str | None = None
    password: SecretStr | None = None
    ssl_ca_location: ReadableFile | None = None
    ssl_certificate_location: ReadableFile | None = None
    ssl_key_location: ReadableFile | None = None
    ssl_key_password: SecretStr | None = None
    timeout_s: Annotated[float, Field(gt=0)] = 5.0


class TopicSettings(Section):
    """Names and sizes of the topics that `fraudstream setup` makes."""

    prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]*$", description="Before every topic's name but the input's."
    )
    transactions: str = Field("transactions", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    logins: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Topic of logins, an input as well; by default there is none.",
    )
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 6
    replication_factor: Annotated[int, Field(ge=-1)] = Field(-1, description="-1 is the broker's default.")
    max_message_bytes: Annotated[int, Field(ge=2048)] = 1_048_588


class BundleSettings(Section):
    """Which bundles are trusted."""

    hmac_key: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None,
        description="With it what is published is signed, and only what is signed with it is read.",
    )


class LogSettings(Section):
    """How the service logs: one JSON object a line, or text for people."""

    format: Literal["json", "console"] = "console"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class HttpSettings(Section):
    """Where the service serves `/health` and `/metrics`; port 0 takes any free one."""

    host: str = "0.0.0.0"  # noqa: S104 - probes and scrapers of a cluster come from other hosts
    port: Annotated[int, Field(ge=0, le=65_535)] = 8083
    enabled: bool = True


class CoreSettings(BaseSettings):
    """What every service needs; each service adds its own sections."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        dotenv_filtering="only_existing",  # one file serves every command; each takes what it knows
        frozen=True,
        nested_model_default_partial_update=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    schema_registry: SchemaRegistrySettings = SchemaRegistrySettings()
    topics: TopicSettings = TopicSettings()
    bundles: BundleSettings = BundleSettings()
    log: LogSettings = LogSettings()
    http: HttpSettings = HttpSettings()
    startup_timeout_s: Annotated[float, Field(ge=0)] = Field(
        300.0, description="How long a service waits for broker and registry when it starts."
    )

    @field_validator("topics")
    @classmethod
    def _inputs_apart(cls, found: TopicSettings) -> TopicSettings:
        """A detector that reads what it writes would decide its own decisions, for ever."""
        from fraud_core.topics import topics  # noqa: PLC0415 - which is made of these settings

        made = topics(found)
        names = [one.name for one in made.all()]
        taken = [name for name in (found.transactions, found.logins) if name and names.count(name) > 1]
        if taken:
            raise ValueError(
                f"{taken[0]} would be an input and something else, too. Name the topics that transactions "
                "and logins come on, or give the others a prefix"
            )
        return found

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where settings come from, the first wins; files of secrets have levels as variables have."""
        secrets = NestedSecretsSettingsSource(file_secret_settings, secrets_dir_missing="error")
        return init_settings, env_settings, dotenv_settings, secrets


def load_settings(cls: type[SettingsT], **overrides: Any) -> SettingsT:  # noqa: ANN401 - sections of any shape
    """Read settings of type `cls` from the environment; `overrides` are nested dictionaries that win.

    Raises:
        ConfigError: a value is not allowed; names the setting, the value's fault and its variable. Or the
            file that `FRAUD_ENV_FILE` names is not there.
    """
    secrets = os.environ.get(f"{ENV_PREFIX}SECRETS_DIR") or None
    try:
        return cls(_secrets_dir=secrets, _env_file=_env_file(), **overrides)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None
    except SettingsError as error:
        # Neither it nor its cause repeats what was given, which may be secret.
        raise ConfigError(
            f"The settings can't be read: {error} ({error.__cause__ or 'see above'})."
        ) from None


def variable(*path: str) -> str:
    """The environment variable of a setting: `variable("kafka", "sasl_password")`."""
    return ENV_PREFIX + "__".join(path).upper()


def named(section: Section, path: str, *names: str) -> str:
    """Settings as messages name them: their variables and, unless they are secret, their values."""
    shown = []
    for name in names:
        value, secret = getattr(section, name), isinstance(getattr(section, name), SecretStr)
        shown.append(variable(path, name) + ("" if secret else f" ({'not set' if value is None else value})"))
    *most, last = shown
    return f"{', '.join(most)} and {last}" if most else last


def _env_file() -> Path | None:
    """pydantic-settings would pass over a file that is not there."""
    variable = f"{ENV_PREFIX}ENV_FILE"
    if not (name := os.environ.get(variable)):
        return None
    if not Path(name).is_file():
        raise ConfigError(f"There is no file {name}, which {variable} names. Correct it, or leave it empty.")
    return Path(name)


def _explain(error: ValidationError) -> str:
    lines = ["These settings cannot be used:"]
    for fault in error.errors(include_url=False):
        path = [str(part) for part in fault["loc"]]
        # What an unknown setting holds may be a secret whose name was mistyped.
        value = "" if fault["type"] == "extra_forbidden" else _value(path, fault["input"])
        lines.append(f"  {'.'.join(path)}{value}: {fault['msg']} (set it with {variable(*path)})")
    return "\n".join(lines)


def _value(path: list[str], value: object) -> str:
    """The value, unless it may be a secret or is a whole section."""
    secret = "password" in path[-1] or "secret" in path[-1] or "properties" in path
    if secret or isinstance(value, dict):
        return ""
    return f" = {LOGIN_IN_URL.sub('***@', str(value))[:100]!r}"
