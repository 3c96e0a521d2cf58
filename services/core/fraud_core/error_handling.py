"""Kafka Connect's settings of error handling, under its names (KIP-298); defaults that differ are told.

`fraudstream setup` makes the topic that they name, the detector heeds them all, `fraudstream dlq` reads them.
"""

from typing import Annotated, Literal

from pydantic import Field

from fraud_core.settings import Section


class Replication(Section):
    """Of `errors.deadletterqueue.topic.replication`."""

    factor: Annotated[int, Field(ge=-1)] | None = Field(
        None, description="Copies of the topic where setup makes it; default: topics.replication_factor."
    )


class DeadLetterTopic(Section):
    """Of `errors.deadletterqueue.topic`."""

    name: str | None = Field(None, description="Default: <prefix>transactions_dlq.")
    replication: Replication = Replication()


class Headers(Section):
    """Of `errors.deadletterqueue.context.headers`."""

    enable: bool = Field(
        True,  # noqa: FBT003 - a default
        description="Say on each dead letter where it was read and why it is one. Connect's default: false.",
    )


class Context(Section):
    """Of `errors.deadletterqueue.context`."""

    headers: Headers = Headers()


class DeadLetterSettings(Section):
    """Of `errors.deadletterqueue`."""

    topic: DeadLetterTopic = DeadLetterTopic()
    context: Context = Context()


class Longest(Section):
    """Of `errors.retry.delay.max`."""

    ms: Annotated[int, Field(ge=1)] = Field(
        10_000, description="Longest wait between two tries. Connect's default: 60000."
    )


class Delay(Section):
    """Of `errors.retry.delay`."""

    max: Longest = Longest()


class RetrySettings(Section):
    """Of `errors.retry`: for what may heal, as a registry that can't be reached."""

    timeout: Annotated[int, Field(ge=-1)] = Field(
        -1, description="Milliseconds; then the task fails. 0: no retry, -1: for ever. Connect's default: 0."
    )
    delay: Delay = Delay()


class Include(Section):
    """Of `errors.log.include`."""

    messages: bool = Field(
        False,  # noqa: FBT003 - a default
        description="Keys and values of records in these lines: they are personal data.",
    )


class ErrorLogSettings(Section):
    """Of `errors.log`."""

    enable: bool = Field(
        False,  # noqa: FBT003 - a default
        description="A line for a dead letter, at most one a second; it says how many got none.",
    )
    include: Include = Include()


class ErrorSettings(Section):
    """What happens to a record that is at fault, and to what may heal."""

    tolerance: Literal["none", "all"] = Field(
        "all", description="all: dead letter and go on; none: stop there. Connect's default: none."
    )
    retry: RetrySettings = RetrySettings()
    log: ErrorLogSettings = ErrorLogSettings()
    deadletterqueue: DeadLetterSettings = DeadLetterSettings()
