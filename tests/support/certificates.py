"""Authorities, certificates and keys as files, made for one run of the tests."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key in PEM files.

    Attributes:
        certificate: with what leads to the authority.
        key: as PKCS#8, the only form that Kafka takes.
        both: key and certificate in one file, as Kafka's key stores want them.
    """

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates; `certificate` is what those who trust it are given."""

    def __init__(self, directory: Path, name: str) -> None:
        """Keeps its files in `directory`."""
        self._directory, self._name = directory, name
        self._authority = trustme.CA(organization_name=name)
        self.certificate = directory / f"{name}-ca.pem"
        self._authority.cert_pem.write_to_path(self.certificate)

    def pair(self, host: str, key_password: str | None = None, *, also: tuple[str, ...] = ()) -> Pair:
        """A new certificate for a host, or a client of that name; its key is encrypted with the password.

        Args:
            host: its name, or the client's.
            key_password: None for a key that is not encrypted.
            also: further names of the host.
        """
        made = self._authority.issue_cert(host, *also, common_name=host)
        stem = self._directory / f"{self._name}-{host}{'-locked' if key_password else ''}"
        chain = b"".join(one.bytes() for one in made.cert_chain_pems)
        locked: KeySerializationEncryption = (
            BestAvailableEncryption(key_password.encode()) if key_password else NoEncryption()
        )
        key = load_pem_private_key(made.private_key_pem.bytes(), None)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        pair = Pair(stem.with_suffix(".crt"), stem.with_suffix(".key"), stem.with_suffix(".pem"))
        for path, content in ((pair.certificate, chain), (pair.key, text), (pair.both, text + chain)):
            path.write_bytes(content)
        return pair
