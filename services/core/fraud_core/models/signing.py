"""Signatures of bundles: detectors with the key run only what somebody with the key has published.

A digest says that a bundle is the one that a rollout names. Whoever may write rollouts and bundles could name
one of their own, and a model is code. The signature is the HMAC (RFC 2104) with SHA-256 of `manifest.json`,
which pins the model, in hexadecimal; it lies beside the manifest and changes no digest.
"""

import hmac

from pydantic import SecretStr

from fraud_core.errors import BundleError

SIGNATURE = "manifest.hmac"
HOW = "Publish it again with the key (FRAUD_BUNDLES__HMAC_KEY), if you know where it comes from."


def signature(key: SecretStr, manifest: bytes) -> bytes:
    """The signature of a manifest, 64 hexadecimal digits."""
    return hmac.digest(key.get_secret_value().encode(), manifest, "sha256").hex().encode()


def verify(key: SecretStr | None, manifest: bytes, found: bytes | None, where: str) -> None:
    """Without a key nothing is asked for.

    Raises:
        BundleError: there is no signature, or it is of another key or another manifest.
    """
    if key is None:
        return
    if found is None:
        raise BundleError(f"{where} is not signed, and only signed bundles are run here. {HOW}")
    if not hmac.compare_digest(found.strip(), signature(key, manifest)):
        raise BundleError(f"{where} is signed with another key, or was changed since. {HOW}")
