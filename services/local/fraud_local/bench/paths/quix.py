"""Quix Streams with the same rules and their state, exactly once, without a model.

Its releases ask for an older confluent-kafka than ours, so this runs in an environment of its own and imports
nothing of the project. It decodes with fastavro and a parsed schema, which is faster than its own
deserialiser, and writes JSON, which is faster for it than Avro.
"""

import io
import json
import logging
import sys
import tempfile
import time
from typing import Any

import fastavro
from quixstreams import Application
from quixstreams.checkpointing import Checkpoint
from quixstreams.models import Deserializer, SerializationContext

HEADER = 5
HIGH_AMOUNT = 400
FLAGGED = ("XYZ_Merchant", "UnknownShop")
TWO_HOURS_MS = 7_200_000


class Avro(Deserializer):  # type: ignore[misc] # it is not in the environment that types are checked in
    """Confluent's wire format, one known schema."""

    def __init__(self, schema: str) -> None:
        """`schema` is Avro's JSON."""
        super().__init__()
        fields = json.loads(schema)
        self._schema = fastavro.parse_schema(fields)

    def __call__(self, value: bytes, ctx: SerializationContext) -> Any:  # noqa: ANN401 - as its base says
        """The record as a dictionary."""
        del ctx
        return fastavro.schemaless_reader(io.BytesIO(value[HEADER:]), self._schema, None)


class Clock:
    """From the first record to the commit of the last."""

    began = 0.0
    ended = 0.0

    def tick(self) -> None:
        """A record is being decided."""
        self.began = self.began or time.perf_counter()

    def watch_commits(self) -> None:
        """Take the time after each commit; it offers no hook of its own for that."""
        commit = Checkpoint.commit

        def timed(checkpoint: Checkpoint, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - quix's own
            commit(checkpoint, *arguments, **options)
            self.ended = time.perf_counter()

        Checkpoint.commit = timed


def decide(transaction: dict[str, Any], state: Any, clock: Clock) -> dict[str, Any]:  # noqa: ANN401 - quix's own
    """The three default rules; the state is the user's last known country and when that was."""
    clock.tick()
    at = int(transaction["timestamp"].timestamp() * 1000)
    location, (before, since) = transaction["location"], state.get("place", (None, 0))
    reasons = []
    if transaction["amount"] > HIGH_AMOUNT:
        reasons.append("High amount")
    if before and location and before != location and at - since <= TWO_HOURS_MS:
        reasons.append(f"Location change from {before} to {location}")
    if location and at >= since:
        state.set("place", (location, at))
    if transaction["merchant"] in FLAGGED:
        reasons.append(f"Merchant {transaction['merchant']} flagged")
    return transaction | {"timestamp": at, "fraudulent": bool(reasons), "reason": reasons}


def quix(task: dict[str, Any]) -> dict[str, float]:
    """Decide every record."""
    clock = Clock()
    clock.watch_commits()
    with tempfile.TemporaryDirectory() as state_dir:
        app = Application(
            broker_address=task["bootstrap_servers"],
            consumer_group=f"{task['prefix']}quix",
            auto_offset_reset="earliest",
            processing_guarantee="exactly-once",
            state_dir=state_dir,
            loglevel=logging.WARNING,
            auto_create_topics=True,
        )
        source = app.topic(task["source"], value_deserializer=Avro(task["options"]["schema"]))
        alerts = app.topic(f"{task['prefix']}fraud_alerts")
        classified = app.topic(f"{task['prefix']}classified_transactions")
        decided = app.dataframe(source).apply(lambda value, state: decide(value, state, clock), stateful=True)
        decided.to_topic(lambda value, *_: alerts if value["fraudulent"] else classified)
        app.run(count=task["records"])
    return {"seconds": clock.ended - clock.began}


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(quix(json.loads(sys.argv[1])))}\n")
