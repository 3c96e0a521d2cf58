"""A bundle: a pickled model and its manifest, as bytes."""

import hashlib
from dataclasses import dataclass

from fraud_core.errors import BundleError
from fraud_core.models.manifest import Manifest, parse_manifest

MANIFEST = "manifest.json"
MODEL = "model.joblib"
AGAIN = "Publish the bundle again, or correct the digest."


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory.

    Attributes:
        manifest: what it says of itself.
        model: content of `model.joblib`.
    """

    manifest: Manifest
    model: bytes

    @property
    def version(self) -> str:
        """Identity of the bundle."""
        return self.manifest.version

    @property
    def sha256(self) -> str:
        """Digest of `manifest.json`, which pins the model in turn: whoever trusts it trusts both."""
        return digest(self.manifest.to_bytes())


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def open_manifest(content: bytes, sha256: str, where: str) -> Manifest:
    """The manifest, if it is the one that was promised.

    Raises:
        BundleError: its digest is another, or it can't be understood.
    """
    found = digest(content)
    if found != sha256:
        raise BundleError(f"{where} has the digest {found}, and {sha256} was expected. {AGAIN}")
    return parse_manifest(content, where)


def open_bundle(manifest: Manifest, model: bytes, where: str) -> Bundle:
    """The bundle, if the model is the one that the manifest pins; does not unpickle it.

    Raises:
        BundleError: the model's digest is another.
    """
    found = digest(model)
    if found != manifest.model_sha256:
        raise BundleError(
            f"{where} has the digest {found}, and its manifest says {manifest.model_sha256}. {AGAIN}"
        )
    return Bundle(manifest, model)
