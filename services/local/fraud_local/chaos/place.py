"""Where a run of chaos is, and how its two pipelines are set: the disturbed one and the one left alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from fraud_core.models import PublishedBundle
from fraud_core.settings import ENV_PREFIX, CoreSettings, load_settings
from fraud_local import addresses
from fraud_local.chaos.crew import Crew
from fraud_local.stack import Stack

INPUT = "transactions"
PARTITIONS = 6
ALIKE = {
    "FRAUD_HTTP__PORT": "0",
    "FRAUD_LOG__FORMAT": "json",
    "FRAUD_TOPICS__TRANSACTIONS": INPUT,
    # What workers tell each other of merchants arrives on its own time, so both pipelines get the same of it:
    # nothing, as no transaction of a run is this old.
    "FRAUD_SIDE__LABEL_DELAY_H": "2160",
}
AT_RISK = {
    # Long pauses and dead workers are noticed within seconds.
    "FRAUD_GROUP__SESSION_TIMEOUT_MS": "6000",
    "FRAUD_GROUP__TRANSACTION_TIMEOUT_MS": "4000",
    "FRAUD_GROUP__MAX_POLL_INTERVAL_MS": "20000",
    # Many batches a transaction and many snapshots, so that there is always something to break.
    "FRAUD_BATCH__MAX_RECORDS": "50",
    "FRAUD_BATCH__COMMIT_INTERVAL_MS": "400",
    "FRAUD_STATE__SNAPSHOT_CYCLE_RECORDS": "2000",
}
ALONE = {"FRAUD_STATE__DURABLE": "false"}
"""Who is never disturbed needs no state in Kafka, so a fault in restoring it would show."""


@dataclass(frozen=True)
class Place:
    """A stack, a model, and a pipeline on them.

    Attributes:
        pipeline: its consumer group, and the folder of its logs.
        prefix: of its topics; the input is shared.
        further: environment variables of its detectors.
    """

    stack: Stack
    bundle: PublishedBundle
    pipeline: str
    prefix: str
    further: Mapping[str, str]

    @property
    def settings(self) -> CoreSettings:
        """Addresses and topics."""
        where = self.stack.addresses
        return load_settings(
            CoreSettings,
            **addresses.embedded(where.bootstrap_servers, where.schema_registry_url),
            topics={"transactions": INPUT, "prefix": self.prefix, "partitions": PARTITIONS},
        )

    def crew(self) -> Crew:
        """Its detectors; none runs yet."""
        logs = self.stack.logs / self.pipeline
        logs.mkdir(parents=True, exist_ok=True)
        own = {
            "FRAUD_KAFKA__BOOTSTRAP_SERVERS": self.stack.addresses.bootstrap_servers,
            "FRAUD_SCHEMA_REGISTRY__URL": self.stack.addresses.schema_registry_url,
            "FRAUD_TOPICS__PREFIX": self.prefix,
            "FRAUD_PIPELINE": self.pipeline,
            "FRAUD_MODEL__URL": self.bundle.url,
            "FRAUD_MODEL__SHA256": self.bundle.sha256,
        }
        return Crew(logs, {**_not_ours(), **ALIKE, **own, **self.further})


def disturbed(stack: Stack, bundle: PublishedBundle) -> Place:
    """The pipeline that acts are done to."""
    return Place(stack, bundle, "chaos", "", AT_RISK)


def undisturbed(stack: Stack, bundle: PublishedBundle) -> Place:
    """The one that it is held against: topics of its own, and one detector that keeps no state in Kafka."""
    return Place(stack, bundle, "calm", "calm.", ALONE)


def _not_ours() -> dict[str, str]:
    """The user's environment without settings for another cluster or another detector."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
