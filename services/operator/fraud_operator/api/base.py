"""What the parts of a FraudModel have in common: names, durations and quantities as in YAML."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION = r"^([0-9]{1,6}[sm]|[0-9]{1,5}h|[0-9]{1,4}d){1,4}$"
"""Some decades at most: what is added to a moment must remain one."""
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Part(BaseModel):
    """A part of a FraudModel: camelCase in YAML, frozen here, and strict about names."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, validate_by_alias=True, validate_by_name=True
    )

    def to_manifest(self) -> dict[str, Any]:
        """As YAML and JSON have it, without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def duration(text: object) -> timedelta:
    """`1h30m` as a time span; s, m, h and d are known.

    Raises:
        ValueError: it is none.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(DURATION, text):
        raise ValueError(f"{text!r} is no duration; write 90s, 30m, 1h30m or 7d")
    found = re.findall(r"(\d+)([smhd])", text)
    return timedelta(seconds=sum(int(number) * SECONDS[unit] for number, unit in found))


def spelled(span: timedelta) -> str:
    """The time span as people write it, in at most three units, rounded down to seconds."""
    left, parts = int(span.total_seconds()), []
    for unit, size in reversed(SECONDS.items()):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def moment(time: datetime) -> str:
    """A moment as Kubernetes writes it: UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _to_second(time: object) -> object:
    return time.replace(microsecond=0) if isinstance(time, datetime) else time


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(spelled, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION, "maxLength": 28}),
]
Time = Annotated[
    datetime,
    BeforeValidator(_to_second),
    PlainSerializer(moment, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Quantity = Annotated[
    int | str,
    Field(union_mode="left_to_right"),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY,
        }
    ),
]
Version = Annotated[str, Field(pattern=VERSION, max_length=100)]
Share = Annotated[float, Field(ge=0, le=1)]
