"""Messages that came too early: given once more when their partition flows again, before any that follow."""

from collections.abc import Collection, Sequence

from confluent_kafka import Message


class Kept:
    """The last messages that came of some partitions, each in offset order."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._kept: dict[int, list[Message]] = {}

    @property
    def offsets(self) -> dict[int, int]:
        """For each partition of which something is kept, the first offset of that."""
        return {partition: messages[0].offset() or 0 for partition, messages in self._kept.items()}

    def keep(self, partition: int, messages: Sequence[Message]) -> None:
        """Keep messages of a partition: they come before what is still kept of it."""
        self._kept[partition] = [*messages, *self._kept.get(partition, ())]

    def take(self, limit: int, but: Collection[int]) -> list[Message]:
        """At most so many, of any partitions but these."""
        taken: list[Message] = []
        for partition in [one for one in self._kept if one not in but]:
            messages, room = self._kept.pop(partition), limit - len(taken)
            taken += messages[:room]
            if len(messages) > room:
                self._kept[partition] = messages[room:]
        return taken

    def drop(self, partition: int) -> None:
        """The partition is read from elsewhere, or by somebody else."""
        self._kept.pop(partition, None)
