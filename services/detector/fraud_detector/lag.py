"""How far the brokers' input is ahead of this worker."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from confluent_kafka import KafkaException

from fraud_core.kafka import admin_client, end_offsets
from fraud_core.settings import KafkaSettings

LOOK_S = 2.0
TIMEOUT_S = 5.0


class Ends:
    """Where the partitions end, looked up again and again in a thread of its own.

    The consumer knows the ends too, but only of what it fetches: of a partition that is paused or is being
    restored it would tell an old one.
    """

    def __init__(self, settings: KafkaSettings, topic: str, partitions: Callable[[], Iterable[int]]) -> None:
        """`partitions` is asked in that thread for those that matter."""
        self._settings, self._topic, self._partitions = settings, topic, partitions
        self._ends: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ends", daemon=True)
        self._thread.start()

    def of(self, partition: int) -> int | None:
        """The offset after its last record a moment ago; None while that is unknown."""
        return self._ends.get(partition)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(TIMEOUT_S)

    def _watch(self) -> None:
        admin = admin_client(self._settings)
        while not self._stop.wait(LOOK_S):
            places = [(self._topic, partition) for partition in self._partitions()]
            with suppress(KafkaException):  # who does not answer is asked again; the last answer stands
                ends = end_offsets(admin, places, TIMEOUT_S) if places else {}
                self._ends |= {partition: end for (_, partition), end in ends.items()}
