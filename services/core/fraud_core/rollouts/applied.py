"""The rollout that a partition was decided under, as the metadata of its committed offset."""

_PREFIX = "rollout="


def metadata_of(generation: int | None) -> str:
    """What goes with the committed offset; empty where settings fix the model."""
    return "" if generation is None else f"{_PREFIX}{generation}"


def generation_in(metadata: str | None) -> int:
    """The generation that is named; 0 where none is."""
    number = (metadata or "").removeprefix(_PREFIX)
    return int(number) if metadata and metadata.startswith(_PREFIX) and number.isdecimal() else 0
