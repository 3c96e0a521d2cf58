"""Where bundles are kept: kafka://, a path, or what obstore knows (file://, s3://, gs://, az://, https://)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url
from pydantic import SecretStr

from fraud_core.bundle_topic import is_kafka, place_of
from fraud_core.errors import BundleError, ConfigError, UnavailableError
from fraud_core.models.bundle import MANIFEST, MODEL, Bundle, open_bundle, open_manifest
from fraud_core.models.kafka_store import MOST_BYTES, Store
from fraud_core.models.loaded import LoadedModel
from fraud_core.models.signing import SIGNATURE, signature, verify
from fraud_core.settings import KafkaSettings
from fraud_core.signals import Signal


@dataclass(frozen=True)
class PublishedBundle:
    """What it takes to fetch a bundle.

    Attributes:
        url: address of the bundle itself.
        sha256: its digest.
        version: its identity.
    """

    url: str
    sha256: str
    version: str


def publish_bundle(
    url: str | Path, bundle: Bundle, kafka: KafkaSettings | None = None, key: SecretStr | None = None
) -> PublishedBundle:
    """Store the bundle in a place of its own under `url`; doing it again changes nothing.

    The manifest goes last, so a bundle that can be found is complete. `kafka` says how to reach the brokers,
    for kafka:// only; `key` is what it is signed with.

    Raises:
        ConfigError: the address can't be used.
        UnavailableError: it can't be written.
        BundleError: the bundle is larger than any store of ours takes.
    """
    if is_kafka(url):
        address = _kafka(url, kafka).publish(bundle, key)
        return PublishedBundle(address, bundle.sha256, bundle.version)
    if len(bundle.model) > MOST_BYTES:
        raise BundleError(
            f"The model {bundle.version} has {len(bundle.model):,} bytes, and {MOST_BYTES:,} is the most. "
            "Train it with a smaller max_samples or n_estimators."
        )
    address = f"{_address(url).rstrip('/')}/{bundle.version}"
    store = _store(address, create=True)
    with _explained("written", address):
        obstore.put(store, MODEL, bundle.model)
        if key:
            obstore.put(store, SIGNATURE, signature(key, bundle.manifest.to_bytes()))
        obstore.put(store, MANIFEST, bundle.manifest.to_bytes())
    return PublishedBundle(address, bundle.sha256, bundle.version)


def fetch_bundle(
    url: str | Path,
    sha256: str,
    kafka: KafkaSettings | None = None,
    key: SecretStr | None = None,
    signals: Sequence[Signal] = (),
) -> LoadedModel:
    """Fetch a bundle, verify it, and only then unpickle it.

    Args:
        url: address of the bundle, as it was published.
        sha256: its digest, from whom one trusts.
        kafka: how to reach the brokers, for kafka:// only.
        key: it must be signed with this.
        signals: rules that it will be told of.

    Raises:
        BundleError: there is none, or it is not the promised one, not signed, or does not fit this version.
        ConfigError: the address can't be used.
        UnavailableError: the store can't be reached.
    """
    bundle = read_bundle(url, sha256, kafka, key)
    # Imported late: scikit-learn takes seconds, and a detector without a model does not need it.
    from fraud_core.models.loading import load  # noqa: PLC0415

    return load(bundle, _shown(_address(url)).rstrip("/"), signals)


def read_bundle(
    url: str | Path, sha256: str, kafka: KafkaSettings | None = None, key: SecretStr | None = None
) -> Bundle:
    """Fetch a bundle and verify it, without unpickling it; as `fetch_bundle` otherwise."""
    if is_kafka(url):
        return _kafka(url, kafka).fetch(sha256.lower(), key)
    address = _address(url)
    shown = _shown(address).rstrip("/")
    store = _store(address, create=False)
    content = _read(store, MANIFEST, address)
    manifest = open_manifest(content, sha256.lower(), f"{shown}/{MANIFEST}")
    if key:
        verify(key, content, _signature(store, address), shown)
    return open_bundle(manifest, _read(store, MODEL, address), f"{shown}/{MODEL}")


def _signature(store: ObjectStore, address: str) -> bytes | None:
    with _explained("read", address, SIGNATURE), suppress(FileNotFoundError):
        return bytes(obstore.get(store, SIGNATURE).bytes())
    return None


def _kafka(url: str | Path, settings: KafkaSettings | None) -> Store:
    if settings is None:
        raise ConfigError(f"{url} needs the brokers' address, which is not known here.")
    return Store(place_of(str(url)).topic, settings)


def _read(store: ObjectStore, name: str, address: str) -> bytes:
    with _explained("read", address, name):
        found = obstore.get(store, name)
        if found.meta["size"] > MOST_BYTES:
            raise BundleError(
                f"{_shown(address)}/{name} has {found.meta['size']:,} bytes; a bundle has {MOST_BYTES:,} at "
                "most. This is not a bundle of ours."
            )
        return bytes(found.bytes())


@contextmanager
def _explained(done: str, address: str, name: str = "") -> Iterator[None]:
    where = f"{_shown(address)}/{name}".rstrip("/")
    try:
        yield
    except FileNotFoundError:
        raise BundleError(
            f"There is no {where}. Give the address that `fraudstream train-baseline` printed."
        ) from None
    except (BaseError, OSError) as error:
        raise UnavailableError(
            f"{where} can't be {done}{_reason(error, address)}. "
            "Check the address, the network and the permissions."
        ) from error


def _address(url: str | Path) -> str:
    """The address as a URL; a plain path becomes a file:// one."""
    text = str(url)
    return text if "://" in text else Path(text).expanduser().absolute().as_uri()


def _store(address: str, *, create: bool) -> ObjectStore:
    parts = urlsplit(address)
    if parts.scheme != "file":
        try:
            return from_url(address)
        except (BaseError, ValueError) as error:
            raise ConfigError(
                f"{_shown(address)} can't be a bundle's address{_reason(error, address)}. "
                "Give a path, or a URL that begins with kafka://, file://, s3://, gs://, az:// or https://."
            ) from error
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"}:
        raise ConfigError(
            f"{address} names a host; write file:///{parts.netloc}{parts.path} for a file here."
        )
    with _explained("written" if create else "read", address, "" if create else MANIFEST):
        if not create and not path.is_dir():
            raise FileNotFoundError
        return LocalStore(path, mkdir=create)


def _shown(address: str) -> str:
    """The address without what may be a secret."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reason(error: Exception, address: str) -> str:
    """The first line of the error, unless it repeats an address that may hold a secret."""
    line = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return f": {line}" if address == _shown(address) else ""
