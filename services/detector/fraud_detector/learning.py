"""Lets states and side tables learn from transactions that are not decided: those of before a restore.

A record that makes this fail is found by halving and passed over, as it was when it came first. One that was
a dead letter only because its decision failed is learnt from, then as now: a restore knows no letters.
"""

from collections.abc import Callable

from fraud_core.log import logger
from fraud_detector.deciding import Decider, States
from fraud_detector.reading import Read
from fraud_detector.sides import Sides

log = logger(__name__)
MOST_AT_FAULT = 16
"""Records that may all fail, and nothing else be wrong."""
Beyond = Callable[[Read], Read]


class Learning:
    """What learns; it belongs to the engine."""

    def __init__(self, decider: Decider, sides: Sides, states: States) -> None:
        """`states` are those of all partitions."""
        self._decider, self._sides, self._states = decider, sides, states

    def live(self, read: Read) -> None:
        """Learn from transactions that can't be decided; what they fail with is the caller's to undo."""
        self._sides.count(read)
        self._decider.replay(read, self._states)

    def replay(self, read: Read, beyond: Beyond) -> None:
        """Learn from transactions of partitions that are being restored, but for those that fail.

        `beyond` gives what of them the states do not include yet. Where many fail and none does not, it is no
        record's fault, and that error is raised.
        """
        failed = self._replay(read, beyond)
        if len(failed) == len(read.records) > MOST_AT_FAULT:
            raise failed[0]

    def _replay(self, read: Read, beyond: Beyond) -> list[Exception]:
        """Gives what each record that failed failed with."""
        if not len(read.records):
            return []
        partitions = [partition for partition, _, _ in read.records.spans]
        self._sides.savepoint(partitions)  # states need none: they come last, and learn from all rows or none
        try:
            self._sides.replay(read)
            self._decider.replay(beyond(read), self._states)
        except (MemoryError, OSError):
            raise  # no record's fault
        except Exception as error:  # noqa: BLE001 - whatever a record makes fail
            for partition in partitions:
                self._sides.roll_back(partition)
            return self._replay_halves(read, beyond, error)
        return []

    def _replay_halves(self, read: Read, beyond: Beyond, error: Exception) -> list[Exception]:
        count = len(read.records)
        if count == 1:
            [message] = read.records.messages
            place = {"partition": message.partition(), "offset": message.offset()}
            log.warning("not_learnt", **place, reason=repr(error))
            return [error]
        first = self._replay(read.rows(0, count // 2), beyond)
        return first + self._replay(read.rows(count // 2, count), beyond)
