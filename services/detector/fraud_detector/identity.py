"""Notices that the input topic was deleted, or made anew under its old name.

The consumer does not: librdkafka follows names, and would wait for ever, or go on in the new topic at an
offset of the old one (librdkafka issue 3255).
"""

import threading

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from fraud_core.errors import UnavailableError
from fraud_core.kafka import admin_client
from fraud_core.settings import KafkaSettings

LOOK_S = 2.0
TIMEOUT_S = 10.0
SURE = 2
"""So often in a row is the topic missed before it counts as deleted: a broker that starts knows no topic."""


class Identity:
    """The topic's id, looked up again and again in a thread of its own."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        """Of a topic that there is. The first id that is found is the one that must stay."""
        self._settings, self._topic = settings, topic
        self._fault = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="identity", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Do nothing while the topic is the one that it was.

        Raises:
            UnavailableError: it was deleted, and maybe made anew.
        """
        if self._fault:
            raise UnavailableError(
                f"The topic {self._topic} was deleted{self._fault}, so this worker's offsets and states mean "
                "nothing any more. `fraudstream setup` makes the topic; then start the worker again."
            )

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(TIMEOUT_S)

    def _watch(self) -> None:
        admin, known, missed = admin_client(self._settings), "", 0
        while not self._stop.wait(LOOK_S) and not self._fault:
            try:
                found = self._id(admin)
            except KafkaException:
                continue  # who does not answer says nothing of the topic
            missed = 0 if found else missed + 1
            if missed == SURE:  # whether or not it was found before: who is busy may be told too late
                self._fault = " while this worker ran"
            elif known and found and found != known:
                self._fault = " and made anew while this worker ran"
            known = known or found

    def _id(self, admin: AdminClient) -> str:
        """Empty where there is no such topic."""
        asked = admin.describe_topics(TopicCollection([self._topic]), request_timeout=TIMEOUT_S)
        try:
            return str(asked[self._topic].result().topic_id)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return ""
            raise
