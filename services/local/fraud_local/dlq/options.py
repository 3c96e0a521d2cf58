"""Which dead letters a person means: options of the commands, and what they say."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from fraud_core.durations import duration, moment
from fraud_core.errors import ConfigError
from fraud_local.dlq.letter import Spot, parse_spot
from fraud_local.dlq.topic import DeadLetterTopic
from fraud_local.topic_names import resolve

STAGES = ("VALUE_CONVERTER", "TRANSFORMATION", "KAFKA_PRODUCE")
"""Those of a detector, which not every image holds."""
Stage = Annotated[
    str | None,
    typer.Option(metavar="STAGE", help=f"Only of this stage: {', '.join(STAGES)}."),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Only records of this Kafka timestamp or later, as 2026-11-01T12:00 (UTC) or 2h (ago).",
    ),
]
TopicName = Annotated[
    str | None,
    typer.Option(
        "--topic",
        metavar="TOPIC",
        help="Where the dead letters are. [default: transactions_dlq] "
        "(env FRAUD_ERRORS__DEADLETTERQUEUE__TOPIC__NAME)",
    ),
]


def spots(texts: list[str], found: DeadLetterTopic) -> list[Spot]:
    """The places that are named.

    Raises:
        ConfigError: one is not written as a place is.
    """
    try:
        return [_resolved(parse_spot(text, found.name), found) for text in texts]
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _resolved(spot: Spot, found: DeadLetterTopic) -> Spot:
    """With the topic's prefix; a record may have been read from a topic that is there no more."""
    try:
        return spot._replace(topic=resolve(spot.topic, found.settings, found.existing))
    except ConfigError:
        return spot


def no_letter(spots: list[Spot], found: DeadLetterTopic) -> str:
    """What is said where there is no letter of these places."""
    return (
        f"There is no dead letter {' nor '.join(map(str, spots))} on {found.name}. "
        "`fraudstream dlq list` shows which there are."
    )


def stage_of(text: str | None) -> str | None:
    """Stages are written in capitals.

    Raises:
        ConfigError: there is no such stage; says which there are.
    """
    if text is not None and text.upper() not in STAGES:
        raise ConfigError(f"--stage: there is no stage {text}. There are {', '.join(STAGES)}.")
    return text and text.upper()


def since_of(text: str | None) -> datetime | None:
    """A time in UTC, given as such or as how long ago.

    Raises:
        typer.BadParameter: it is neither.
    """
    if text is None:
        return None
    try:
        return moment(text).replace(tzinfo=UTC)
    except typer.BadParameter:
        return datetime.now(UTC) - duration(text)
