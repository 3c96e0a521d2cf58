"""Bundles in Kafka, on a real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from fraud_core.bundle_topic import CHUNK_BYTES, BundleTopic
from fraud_core.errors import BundleError, ConfigError, UnavailableError
from fraud_core.kafka import client_config
from fraud_core.models import Bundle, fetch_bundle, publish_bundle, read_bundle
from fraud_core.models.bundle import digest
from fraud_core.models.kafka_store import MOST_BYTES, Store
from fraud_local.stack import Stack
from tests.support.bundles import small_bundle
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def pipeline(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    where, logs = stack.addresses, tmp_path_factory.mktemp("logs")
    with made(where.bootstrap_servers, where.schema_registry_url, logs) as one:
        yield one


@pytest.fixture(scope="module")
def store(pipeline: Pipeline) -> Store:
    return Store(pipeline.topics.models.name, pipeline.settings.kafka)


def of_bytes(model: bytes) -> Bundle:
    """A bundle whose model is nothing that could be unpickled."""
    manifest = small_bundle().manifest.model_copy(update={"model_sha256": digest(model)})
    return Bundle(manifest.identified(), model)


def put(store: Store, key: str, value: bytes | None) -> None:
    producer = Producer({**client_config(store.settings)})
    producer.produce(store.topic, value, key)
    assert producer.flush(30) == 0


def records(store: Store) -> int:
    """How many are on the topic; markers of transactions, which come a little after the commit, are none."""
    topic = BundleTopic(store.topic, store.settings)
    return sum(1 for _ in topic._messages())  # noqa: SLF001 - nobody else counts them


def test_a_published_bundle_comes_back_and_publishing_it_again_writes_nothing(store: Store) -> None:
    url = f"kafka://{store.topic}"
    published = publish_bundle(url, small_bundle(), store.settings)
    before = records(store)

    assert publish_bundle(url, small_bundle(), store.settings) == published
    assert records(store) == before
    assert published.url == f"{url}/{published.sha256}"
    assert fetch_bundle(published.url, published.sha256, store.settings).version == published.version
    assert store.manifests()[published.sha256] == small_bundle().manifest


def test_a_bundle_is_signed_once_and_read_by_those_with_the_key(store: Store) -> None:
    key, other = SecretStr("one key for all of us"), SecretStr("somebody else's key")
    bundle = of_bytes(b"signed")
    address = store.publish(bundle)
    with pytest.raises(BundleError, match="is not signed"):
        store.fetch(bundle.sha256, key)

    assert store.publish(bundle, key) == address
    before = records(store)
    store.publish(bundle, key)
    store.publish(bundle)

    assert records(store) == before
    assert store.fetch(bundle.sha256, key) == store.fetch(bundle.sha256) == bundle
    with pytest.raises(BundleError, match="signed with another key"):
        store.fetch(bundle.sha256, other)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
def test_a_bundle_of_any_size_comes_back_byte_for_byte(store: Store, size: int) -> None:
    bundle = of_bytes(bytes(range(256)) * (size // 256 + 1))
    bundle = of_bytes(bundle.model[:size])

    store.publish(bundle)

    assert store.fetch(bundle.sha256) == bundle


def test_a_bundle_that_is_too_large_is_refused_before_anything_is_written(store: Store) -> None:
    with pytest.raises(BundleError, match="67,108,864 is the most"):
        store.publish(of_bytes(bytes(MOST_BYTES + 1)))


def test_a_changed_byte_is_refused(store: Store) -> None:
    bundle = of_bytes(b"what was published")
    url = store.publish(bundle)
    put(store, f"{bundle.sha256}/0000", b"what somebody put there")

    with pytest.raises(BundleError, match=f"{url}/model.joblib has the digest .* and its manifest says"):
        read_bundle(url, bundle.sha256, store.settings)


def test_a_manifest_under_a_foreign_digest_is_refused(store: Store) -> None:
    bundle = of_bytes(b"one")
    put(store, f"{'0' * 64}/manifest", bundle.manifest.to_bytes())

    with pytest.raises(BundleError, match=f"has the digest {bundle.sha256}, and {'0' * 64} was expected"):
        store.fetch("0" * 64)


def test_a_bomb_is_not_unpickled_under_a_digest_that_it_has_not(store: Store, tmp_path: Path) -> None:
    bundle = of_bytes(b"harmless")
    url = store.publish(bundle)
    bomb = f"cpathlib\nPath.touch\n(cpathlib\nPath\n(V{tmp_path / 'exploded'}\ntRtR.".encode()
    put(store, f"{bundle.sha256}/0000", bomb)

    with pytest.raises(BundleError):
        fetch_bundle(url, bundle.sha256, store.settings)

    assert not (tmp_path / "exploded").exists()


def test_a_deleted_bundle_is_gone_and_the_others_stay(store: Store) -> None:
    kept, deleted = of_bytes(b"kept"), of_bytes(b"deleted" * CHUNK_BYTES)
    for bundle in (kept, deleted):
        store.publish(bundle)

    store.delete(deleted.sha256)

    assert deleted.sha256 not in store.manifests()
    assert store.fetch(kept.sha256) == kept
    with pytest.raises(BundleError, match=r"There is no bundle .* `fraudstream models publish` adds one"):
        store.fetch(deleted.sha256)


def test_a_bundle_of_an_aborted_transaction_is_not_there(store: Store) -> None:
    bundle = of_bytes(b"never committed")
    producer = Producer({**client_config(store.settings), "transactional.id": store.topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(store.topic, bundle.manifest.to_bytes(), f"{bundle.sha256}/manifest")
    producer.flush(30)
    producer.abort_transaction(30)

    assert bundle.sha256 not in store.manifests()


def test_a_topic_that_does_not_exist_names_the_command_that_makes_it(store: Store) -> None:
    with pytest.raises(UnavailableError, match="`fraudstream setup` makes it"):
        Store("nobody.fraud_models", store.settings).fetch("0" * 64)


@pytest.mark.parametrize("url", ["kafka://", "kafka:///digest", "kafka://topic/a/b"])
def test_an_address_that_is_none_says_how_one_looks(store: Store, url: str) -> None:
    with pytest.raises(ConfigError, match="kafka://<topic>/<sha256>"):
        read_bundle(url, "0" * 64, store.settings)
