"""Where the bundles, the rollout and the workers of a pipeline are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from fraud_core.connect.board import Board, watched
from fraud_core.connect.records import WorkerStatus
from fraud_core.errors import ConfigError
from fraud_core.kafka import wait_until
from fraud_core.models.kafka_store import Store
from fraud_core.models.manifest import Manifest
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics
from fraud_local import addresses
from fraud_local.topic_names import check_pipeline

PipelineOption = Annotated[str, typer.Option(envvar="FRAUD_PIPELINE", help="The detectors' consumer group.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, with all there is.")]
DEFAULT_PIPELINE = "fraud-detector"


@dataclass(frozen=True)
class Place:
    """A pipeline and its cluster."""

    settings: CoreSettings
    pipeline: str

    @property
    def store(self) -> Store:
        """Its bundles in Kafka."""
        return Store(topics(self.settings.topics).models.name, self.settings.kafka)

    @contextmanager
    def board(self) -> Iterator[Board]:
        """What there is now of rollouts and reports.

        Raises:
            UnavailableError: Kafka or the registry can't be reached.
        """
        registry = Registry(self.settings.schema_registry)
        with watched(self.settings, registry, lambda _: None, on_rollout=lambda _: None) as board:
            wait_until(board.refresh, self.settings)
            yield board

    def look(self) -> tuple[Rollout | None, list[WorkerStatus]]:
        """The latest rollout, and what the living workers report."""
        with self.board() as board:
            return board.rollouts().get(self.pipeline), board.workers(self.pipeline)

    def find(self, version: str) -> BundleRef:
        """The bundle of this version, or of the only one whose version or digest begins so.

        Raises:
            ConfigError: there is none, or there are several.
        """
        known = self.store.manifests()
        exact = [digest for digest, manifest in known.items() if manifest.version == version]
        begun = [digest for digest, manifest in known.items() if _begins(version, digest, manifest)]
        found = exact or begun
        if len(found) == 1:
            return self.ref(found[0], known[found[0]])
        there = ", ".join(sorted(manifest.version for manifest in known.values())) or "none yet"
        raise ConfigError(
            f"{'Several versions begin' if found else 'No version begins'} with {version}. There are: "
            f"{there}. `fraudstream models publish` adds a bundle."
        )

    def ref(self, digest: str, manifest: Manifest) -> BundleRef:
        """What a rollout says of a bundle of the store."""
        return BundleRef(manifest.version, f"kafka://{self.store.topic}/{digest}", digest)


def _begins(version: str, digest: str, manifest: Manifest) -> bool:
    return bool(version) and (manifest.version.startswith(version) or digest.startswith(version))


def place(
    pipeline: str, bootstrap_servers: str | None, schema_registry_url: str | None, prefix: str | None
) -> Place:
    """The pipeline on the cluster that is named, or that runs on this machine.

    Raises:
        ConfigError: its topics are not there.
        UnavailableError: no broker answers.
    """
    found = addresses.find(bootstrap_servers, schema_registry_url, prefix)
    addresses.quiet(found.settings)
    check_pipeline(found.settings, addresses.existing_topics(found))
    # A command tells at once what is not there, instead of waiting for it.
    return Place(found.settings.model_copy(update={"startup_timeout_s": 5.0}), pipeline)
