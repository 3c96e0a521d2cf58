"""The schema registry: one client, whose failures are told apart into wrong and unreachable."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from pydantic import SecretStr

from fraud_core.errors import ConfigError, SchemaError, UnavailableError
from fraud_core.registry_faults import tls_fault
from fraud_core.schemas import schema_text
from fraud_core.settings import SchemaRegistrySettings, named
from fraud_core.topics import Topic

ResultT = TypeVar("ResultT")
UNAUTHORISED = (401, 403)
SERVER_FAULT = 500
NOT_FOUND, NO_SUCH_ID = 404, {40403, 404}
NO_CODE = {None, SchemaRegistryError.UNKNOWN}
"""What the client makes of an answer that has none of a registry's codes."""
TRANSIENT = {408, 421, 425, 429}
"""What a proxy or a busy registry says of now, and not of what was asked."""
REDIRECTS = range(300, 400)
MOST_ID = 2**31 - 1
"""Ids are Java's ints. A larger one is refused in several ways, also as a request that is wrong."""


class UnknownSchemaError(SchemaError):
    """The registry answers that it does not know this schema id: a record's fault, not the registry's."""


class Registry:
    """A registry client whose errors are ours.

    Every method raises UnavailableError where the registry can't be reached or has a fault of its own,
    and ConfigError where it refuses the credentials or TLS can't be agreed on.
    """

    def __init__(self, settings: SchemaRegistrySettings) -> None:
        """Connect lazily: nothing is sent before the first call. Connections close with the object.

        Raises:
            ConfigError: a file of certificates or keys can't be used.
        """
        self._settings, self._url = settings, settings.url
        self._client = _client(settings)
        self._ours: dict[int, str] = {}
        weakref.finalize(self, self._client.close)

    def schema_by_id(self, schema_id: int) -> str:
        """Text of the Avro schema with this id.

        Raises:
            UnknownSchemaError: the registry knows no Avro schema of this id, or one that is not in one piece.
        """
        if schema_id in self._ours:
            return self._ours[schema_id]
        if schema_id > MOST_ID:
            raise UnknownSchemaError(f"No registry has a schema with id {schema_id}: they end at {MOST_ID}.")
        try:
            found = self._call(partial(self._client.get_schema, schema_id))
        except SchemaRegistryError as error:
            if error.http_status_code != NOT_FOUND or error.error_code not in NO_SUCH_ID:
                raise self._strange(f"{_said(error):.200}") from error
            raise UnknownSchemaError(f"The registry has no schema with id {schema_id}.") from error
        if found.schema_str is None:
            raise self._strange("no schema in it")
        if found.schema_type != "AVRO":
            raise UnknownSchemaError(f"Schema {schema_id} is of type {found.schema_type}, not AVRO.")
        if found.references:
            others = ", ".join(str(one.name) for one in found.references)
            raise UnknownSchemaError(
                f"Schema {schema_id} refers to others ({others}), which is not supported: register it in one "
                "piece."
            )
        return found.schema_str

    def check(self) -> None:
        """See that a registry answers, before anything is done that needs one.

        Raises:
            ConfigError: what answers is none.
        """
        try:
            self._call(self._client.get_subjects)
        except SchemaRegistryError as error:
            raise self._no_registry(error, "subjects") from error

    def subjects(self) -> frozenset[str]:
        """Names of all subjects that have a schema."""
        return frozenset(self._call(self._client.get_subjects))

    def id_of(self, topic: Topic) -> int:
        """Id of our schema under the topic's subject.

        Raises:
            SchemaError: it is not registered there.
        """
        name = topic.schema or ""
        try:
            return self._lookup(topic.subject, name)
        except SchemaRegistryError as error:
            if error.error_code in NO_CODE:
                raise self._strange(f"{_said(error):.200}") from error
            raise SchemaError(
                f"The schema {name} is not registered under {topic.subject} at {self._url} "
                f"({error.error_message}). Run `fraudstream setup` first."
            ) from error

    def ensure(self, topic: Topic, compatibility: str) -> list[str]:
        """Register the topic's schema under this compatibility level; returns what was changed, in words.

        Raises:
            SchemaError: the schema is not compatible with what is registered; has the registry's reason.
        """
        changes = []
        if self._compatibility(topic.subject) != compatibility:
            self._set_compatibility(topic.subject, compatibility)
            changes.append(f"set compatibility of {topic.subject} to {compatibility}")
        try:
            self._lookup(topic.subject, topic.schema or "")
        except SchemaRegistryError:
            registered = self._register(topic)
            changes.append(f"registered {topic.schema} under {topic.subject} with id {registered}")
        return changes

    def _lookup(self, subject: str, name: str) -> int:
        found = self._call(partial(self._client.lookup_schema, subject, _avro(name)))
        schema_id = int(found.schema_id or 0)
        self._ours[schema_id] = schema_text(name)  # so that what we write we read while the registry is away
        return schema_id

    def _register(self, topic: Topic) -> int:
        try:
            return int(
                self._call(partial(self._client.register_schema, topic.subject, _avro(topic.schema or "")))
            )
        except SchemaRegistryError as error:
            raise SchemaError(
                f"The registry refuses {topic.schema}.avsc under {topic.subject}: {error.error_message}. "
                "Give every added field a default and remove none without one."
            ) from error

    def _set_compatibility(self, subject: str, level: str) -> None:
        try:
            self._call(partial(self._client.set_compatibility, subject, level))
        except SchemaRegistryError as error:
            raise self._no_registry(error, f"config/{subject}") from error

    def _compatibility(self, subject: str) -> str | None:
        try:
            level = self._call(partial(self._client.get_config, subject)).compatibility_level
        except SchemaRegistryError:
            return None
        return getattr(level, "value", level)

    def _call(self, request: Callable[[], ResultT]) -> ResultT:
        """Run the request; a SchemaRegistryError that it lets through is the registry's own 4xx answer."""
        try:
            return request()
        except SchemaRegistryError as error:
            if error.http_status_code in UNAUTHORISED:
                raise ConfigError(self._refused(error)) from error
            code = error.http_status_code
            if code >= SERVER_FAULT or code in TRANSIENT or code in REDIRECTS:
                raise UnavailableError(
                    f"The schema registry at {self._url} has a fault ({_said(error)})."
                ) from error
            raise
        except (httpx2.HTTPError, OSError) as error:
            if objection := tls_fault(self._settings, error):
                raise ConfigError(objection) from error
            raise UnavailableError(
                f"The schema registry at {self._url} can't be reached "
                f"({str(error) or type(error).__name__}). "
                "Is it running, and is FRAUD_SCHEMA_REGISTRY__URL right?"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:  # what the client makes of any other answer
            raise self._strange(f"{type(error).__name__}: {error!s:.200}") from error

    def _no_registry(self, error: SchemaRegistryError, path: str) -> ConfigError:
        return ConfigError(
            f"{self._url} does not answer as a Confluent-compatible schema registry does "
            f"({error.http_status_code} on {path}). Is the path right? "
            "Apicurio's ends in /apis/ccompat/v7, Redpanda's and Confluent's have none."
        )

    def _strange(self, what: str) -> UnavailableError:
        """An answer that says nothing of what was asked: of a proxy, say, while the registry is away."""
        return UnavailableError(
            f"What answers at {self._url} does not answer as a schema registry does ({what}). "
            "Is FRAUD_SCHEMA_REGISTRY__URL right, and what is before it up?"
        )

    def _refused(self, error: SchemaRegistryError) -> str:
        return (
            f"The schema registry at {self._url} refuses us "
            f"({_said(error)}). Check "
            f"{named(self._settings, 'schema_registry', 'username', 'password')}."
        )


def _said(error: SchemaRegistryError) -> str:
    """Status and message; what is no registry's may have none."""
    return f"{error.http_status_code} {error.error_message or ''}".strip()


def _avro(name: str) -> Schema:
    return Schema(schema_text(name), "AVRO")


def _client(settings: SchemaRegistrySettings) -> SchemaRegistryClient:
    try:
        return SchemaRegistryClient(_config(settings))
    except (OSError, ValueError) as error:  # those of the ssl module are OSErrors
        files = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location", "ssl_key_password")
        raise ConfigError(
            f"The certificates for the schema registry can't be used ({error}). Check "
            f"{named(settings, 'schema_registry', *files)}."
        ) from error


def _config(settings: SchemaRegistrySettings) -> dict[str, object]:
    config: dict[str, object] = {"url": settings.url, "timeout": settings.timeout_s, "max.retries": 0}
    for name in ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location"):
        if path := getattr(settings, name):
            config[name.replace("_", ".")] = str(path)
    if settings.ssl_certificate_location:
        # Empty rather than missing: without one Python would ask for it on the terminal.
        config["ssl.key.password"] = _plain(settings.ssl_key_password)
    if settings.username:
        config["basic.auth.user.info"] = f"{settings.username}:{_plain(settings.password)}"
    return config


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
