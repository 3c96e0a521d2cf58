"""Bundles in a compacted topic: `kafka://fraud_models/<sha256>`."""

from contextlib import suppress
from dataclasses import dataclass

from pydantic import SecretStr

from fraud_core.bundle_topic import CHUNK_BYTES, MANIFEST, SIGNATURE, BundleTopic, Place, Records
from fraud_core.errors import BundleError
from fraud_core.models.bundle import Bundle, open_bundle, open_manifest
from fraud_core.models.manifest import Manifest
from fraud_core.models.signing import signature, verify
from fraud_core.settings import KafkaSettings

MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Store:
    """The bundles on one topic."""

    topic: str
    settings: KafkaSettings

    def publish(self, bundle: Bundle, key: SecretStr | None = None) -> str:
        """Write the bundle, unless it is there already, signed where a key is given; gives its address.

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
        there = self._records.latest(bundle.sha256)
        signed = signature(key, bundle.manifest.to_bytes()) if key else there.get(SIGNATURE)
        if MANIFEST not in there or signed != there.get(SIGNATURE):
            self._records.write(_records(bundle, signed))
        return place.url

    def fetch(self, sha256: str, key: SecretStr | None = None) -> Bundle:
        """The bundle with this digest, verified and not unpickled; where a key is given, signed with that.

        Raises:
            BundleError: there is none, or it is not the promised one, or not signed.
            UnavailableError: Kafka can't be reached.
        """
        where = Place(self.topic, sha256).url
        found = self._records.latest(sha256)
        content, signed = found.pop(MANIFEST, None), found.pop(SIGNATURE, None)
        if content is None:
            raise BundleError(
                f"There is no bundle {where}. `fraudstream models list` shows those that there are; "
                "`fraudstream models publish` adds one."
            )
        manifest = open_manifest(content, sha256, f"{where}/manifest.json")
        verify(key, content, signed, where)
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


def _records(bundle: Bundle, signed: bytes | None) -> Records:
    starts = range(0, len(bundle.model), CHUNK_BYTES)
    chunks: Records = [
        (f"{bundle.sha256}/{number:04}", bundle.model[start : start + CHUNK_BYTES])
        for number, start in enumerate(starts)
    ]
    signatures: Records = [(f"{bundle.sha256}/{SIGNATURE}", signed)] if signed else []
    return [*chunks, *signatures, (f"{bundle.sha256}/{MANIFEST}", bundle.manifest.to_bytes())]
