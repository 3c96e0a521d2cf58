import io
import re
from pathlib import Path

import joblib
import numpy as np
import pytest
from pydantic import SecretStr

from fraud_core.errors import BundleError, ConfigError, UnavailableError
from fraud_core.models import Bundle, fetch_bundle, publish_bundle
from fraud_core.models.bundle import MANIFEST, MODEL, digest
from fraud_core.schemas import feature_names
from tests.support.bundles import small_bundle


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def bomb(path: Path) -> bytes:
    file = io.BytesIO()
    joblib.dump(Bomb(path), file)
    return file.getvalue()


def folder(published_url: str) -> Path:
    return Path(published_url.removeprefix("file://"))


def altered(**changes: object) -> Bundle:
    bundle = small_bundle()
    return Bundle(bundle.manifest.model_copy(update=changes), bundle.model)


def test_a_published_bundle_comes_back_and_scores(tmp_path: Path) -> None:
    published = publish_bundle(tmp_path / "models", small_bundle())

    model = fetch_bundle(published.url, published.sha256)

    assert published.url == f"file://{tmp_path}/models/{published.version}"
    assert (model.version, model.sha256) == (published.version, published.sha256)
    assert model.score(np.zeros((len(feature_names()), 3))).shape == (3,)


def test_a_path_and_its_file_url_are_the_same_place(tmp_path: Path) -> None:
    place = tmp_path / "with space"
    by_path = publish_bundle(place, small_bundle())

    assert publish_bundle(place.as_uri(), small_bundle()) == by_path
    assert fetch_bundle(place / by_path.version, by_path.sha256).version == by_path.version


def test_publishing_again_changes_no_byte(tmp_path: Path) -> None:
    published = publish_bundle(tmp_path, small_bundle())
    before = [(folder(published.url) / name).read_bytes() for name in (MANIFEST, MODEL)]

    assert publish_bundle(tmp_path, small_bundle()) == published
    assert [(folder(published.url) / name).read_bytes() for name in (MANIFEST, MODEL)] == before


def test_who_has_a_key_reads_only_what_was_signed_with_it(tmp_path: Path) -> None:
    key, other = SecretStr("one key for all of us"), SecretStr("somebody else's key")
    signed = publish_bundle(tmp_path / "signed", small_bundle(), key=key)
    unsigned = publish_bundle(tmp_path / "unsigned", small_bundle())

    assert fetch_bundle(signed.url, signed.sha256, key=key).version == signed.version
    assert fetch_bundle(signed.url, signed.sha256).version == signed.version
    with pytest.raises(BundleError, match="signed with another key"):
        fetch_bundle(signed.url, signed.sha256, key=other)
    with pytest.raises(BundleError, match=r"is not signed.*FRAUD_BUNDLES__HMAC_KEY"):
        fetch_bundle(unsigned.url, unsigned.sha256, key=key)
    assert signed.sha256 == unsigned.sha256


def test_a_signed_bundle_that_was_changed_with_its_digest_is_never_unpickled(tmp_path: Path) -> None:
    """Whoever may write rollouts can pin any digest; without the key they can't sign."""
    key, trap = SecretStr("one key for all of us"), tmp_path / "unpickled"
    signed = publish_bundle(tmp_path, small_bundle(), key=key)
    model = bomb(trap)
    manifest = small_bundle().manifest.model_copy(update={"model_sha256": digest(model)}).to_bytes()
    (folder(signed.url) / MODEL).write_bytes(model)
    (folder(signed.url) / MANIFEST).write_bytes(manifest)

    with pytest.raises(BundleError, match="was changed since"):
        fetch_bundle(signed.url, digest(manifest), key=key)

    assert not trap.exists()


def test_a_wrong_digest_is_refused_with_both_digests(tmp_path: Path) -> None:
    published = publish_bundle(tmp_path, small_bundle())

    with pytest.raises(BundleError, match=f"has the digest {published.sha256}, and {'0' * 64} was"):
        fetch_bundle(published.url, "0" * 64)


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    published = publish_bundle(tmp_path, small_bundle())
    file = folder(published.url) / MANIFEST
    file.write_text(file.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1'), encoding="utf-8")

    with pytest.raises(BundleError, match=f"and {published.sha256} was expected"):
        fetch_bundle(published.url, published.sha256)


def test_a_replaced_model_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    published = publish_bundle(tmp_path, small_bundle())
    (folder(published.url) / MODEL).write_bytes(bomb(tmp_path / "exploded"))

    with pytest.raises(BundleError, match=f"{MODEL} has the digest .* and its manifest says"):
        fetch_bundle(published.url, published.sha256)

    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"python": "2.7.18"}, "was made with python 2.7.18, and 3."),
        ({"libraries": {"numpy": np.__version__, "scikit-learn": "0.24.2"}}, "made with scikit-learn 0.24.2"),
        ({"libraries": {}}, "was made with numpy of unknown version"),
        ({"features": ("amount", "shoe_size")}, "reads the features shoe_size, which this version does not"),
        ({"algorithm": "oracle"}, "holds a model of kind oracle; this version knows isolation_forest"),
    ],
)
def test_what_does_not_fit_this_version_is_refused_and_never_unpickled(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    content = bomb(tmp_path / "exploded")
    bundle = altered(**changes, model_sha256=digest(content))
    published = publish_bundle(tmp_path, Bundle(bundle.manifest, content))

    with pytest.raises(BundleError, match=re.escape(message)):
        fetch_bundle(published.url, published.sha256)

    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no pickle", "can't be unpickled, though its digest is right"),
        (None, "is no isolation_forest as this"),
    ],
)
def test_a_model_that_is_not_what_its_manifest_says_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = io.BytesIO()
    joblib.dump({"not": "a pipeline"}, file)
    model = content or file.getvalue()
    published = publish_bundle(tmp_path, Bundle(altered(model_sha256=digest(model)).manifest, model))

    with pytest.raises(BundleError, match=message):
        fetch_bundle(published.url, published.sha256)


def test_a_model_with_other_features_than_its_manifest_names_is_refused(tmp_path: Path) -> None:
    published = publish_bundle(tmp_path, altered(features=("amount",)))

    with pytest.raises(BundleError, match="it reads 2 features, and the manifest names 1"):
        fetch_bundle(published.url, published.sha256)


@pytest.mark.parametrize(
    ("content", "message"), [("{", "Invalid JSON"), ("{}", "algorithm: Field required"), ("[]", "file: ")]
)
def test_a_manifest_that_says_nothing_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / MANIFEST).write_text(content, encoding="utf-8")

    with pytest.raises(BundleError, match=f"is no manifest that this version understands: .*{message}"):
        fetch_bundle(tmp_path, digest(content.encode()))


def test_an_unknown_key_in_a_manifest_is_refused(tmp_path: Path) -> None:
    content = small_bundle().manifest.to_bytes().replace(b'"format"', b'"surprise": 1, "format"')
    (tmp_path / MANIFEST).write_bytes(content)

    with pytest.raises(BundleError, match="surprise: Extra inputs are not permitted"):
        fetch_bundle(tmp_path, digest(content))


def test_where_there_is_no_bundle_the_message_says_where_to_get_the_address(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BundleError, match=f"There is no file://{place}/{MANIFEST}.*train-baseline"):
            fetch_bundle(place, "0" * 64)


@pytest.mark.parametrize("url", ["nosuch://bucket/x", "file://elsewhere/x"])
def test_an_address_that_cannot_be_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match=url):
        fetch_bundle(url, "0" * 64)


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    with pytest.raises(UnavailableError, match=r"can't be written: .*Check the address"):
        publish_bundle(tmp_path / "file", small_bundle())


def test_a_message_keeps_the_passwords_of_an_address_to_itself() -> None:
    with pytest.raises(ConfigError) as caught:
        fetch_bundle("nosuch://me:secret@host/models?token=secret", "0" * 64)

    assert "secret" not in str(caught.value)
