"""Bundles in a compacted topic: `kafka://fraud_models/<sha256>`."""

from contextlib import suppress
from dataclasses import dataclass

from fraud_core.bundle_topic import CHUNK_BYTES, MANIFEST, BundleTopic, Place, Records, is_kafka, place_of
from fraud_core.errors import BundleError
from fraud_core.models.bundle import Bundle, open_bundle, open_manifest
from fraud_core.models.manifest import Manifest
from fraud_core.settings import KafkaSettings

__all__ = ["CHUNK_BYTES", "MOST_BYTES", "Store", "is_kafka", "place_of"]

MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Store:
    """The bundles on one topic."""

    topic: str
    settings: KafkaSettings

    def publish(self, bundle: Bundle) -> str:
        """Write the bundle, unless it is there already; gives its address.

        Raises:
            BundleError: it is larger than the store takes.
            UnavailableError: it could not be written.
        """
        if len(bundle.model) > MOST_BYTES:
            raise BundleError(
                f"The model {bundle.version} has {len(bundle.model):,} bytes; {MOST_BYTES:,} is the most. "
                "Train a smaller one: fewer or shallower trees."
            )
        place = Place(self.topic, bundle.sha256)
        if bundle.sha256 not in self.manifests():
            self._records.write(_records(bundle))
        return place.url

    def fetch(self, sha256: str) -> Bundle:
        """The bundle with this digest, verified and not unpickled.

        Raises:
            BundleError: there is none, or it is not the promised one.
            UnavailableError: Kafka can't be reached.
        """
        where = Place(self.topic, sha256).url
        found: dict[str, bytes] = {}
        for key, value in self._records.records_of(sha256):
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        content = found.pop(MANIFEST, None)
        if content is None:
            raise BundleError(
                f"There is no bundle {where}. `fraudstream models list` shows those that there are; "
                "`fraudstream models publish` adds one."
            )
        manifest = open_manifest(content, sha256, f"{where}/manifest.json")
        model = b"".join(found[key] for key in sorted(found))
        return open_bundle(manifest, model, f"{where}/model.joblib")

    def manifests(self) -> dict[str, Manifest]:
        """What is there, by digest; what can't be understood is left out.

        Raises:
            UnavailableError: Kafka can't be reached.
        """
        found: dict[str, Manifest] = {}
        for digest, value in self._records.manifests().items():
            with suppress(BundleError):  # of another version, maybe; who asks for this very one is told
                found[digest] = open_manifest(value, digest, Place(self.topic, digest).url)
        return found

    def delete(self, sha256: str) -> None:
        """Remove the bundle: a tombstone for each of its records.

        Raises:
            UnavailableError: it could not be written.
        """
        self._records.delete(sha256)

    @property
    def _records(self) -> BundleTopic:
        return BundleTopic(self.topic, self.settings)


def _records(bundle: Bundle) -> Records:
    starts = range(0, len(bundle.model), CHUNK_BYTES)
    chunks: Records = [
        (f"{bundle.sha256}/{number:04}", bundle.model[start : start + CHUNK_BYTES])
        for number, start in enumerate(starts)
    ]
    return [*chunks, (f"{bundle.sha256}/{MANIFEST}", bundle.manifest.to_bytes())]
