"""Bundles in an S3-compatible store, on a real server."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from fraud_core.errors import BundleError, UnavailableError
from fraud_core.models import fetch_bundle, publish_bundle
from fraud_local.stack import ports
from tests.support.bundles import small_bundle
from tests.support.go_tools import tool, waits_for_builds

pytestmark = waits_for_builds

BUCKET, USER, SECRET = "bundles", "publisher", "known to the publisher"
STARTS_S = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server with one bucket."""
    directory = tmp_path_factory.mktemp("s3")
    (directory / BUCKET).mkdir()
    port = ports.choose("The S3 server", 0, 0, "", lambda _: None)
    process = subprocess.Popen(
        [tool("versitygw"), "--port", f"127.0.0.1:{port}", "--quiet", "posix", str(directory)],
        env={**os.environ, "ROOT_ACCESS_KEY": USER, "ROOT_SECRET_KEY": SECRET},
        stdout=subprocess.DEVNULL,
    )
    try:
        await_listener(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STARTS_S)


def await_listener(port: int) -> None:
    deadline = time.monotonic() + STARTS_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of the bucket; how to reach it is in AWS's own variables, as with a detector."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", USER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return f"s3://{BUCKET}/models"


def test_a_published_bundle_comes_back(bucket: str) -> None:
    published = publish_bundle(bucket, small_bundle())

    model = fetch_bundle(published.url, published.sha256)

    assert published.url == f"{bucket}/{published.version}"
    assert (model.version, model.sha256) == (published.version, published.sha256)


def test_a_signature_lies_beside_the_manifest(bucket: str) -> None:
    key, other = SecretStr("one key for all of us"), SecretStr("somebody else's key")
    published = publish_bundle(f"{bucket}/signed", small_bundle(), key=key)

    assert fetch_bundle(published.url, published.sha256, key=key).version == published.version
    with pytest.raises(BundleError, match="signed with another key"):
        fetch_bundle(published.url, published.sha256, key=other)


def test_what_is_not_there_is_no_bundle(bucket: str) -> None:
    with pytest.raises(BundleError, match=f"There is no {bucket}/nothing/manifest.json"):
        fetch_bundle(f"{bucket}/nothing", "0" * 64)


def test_a_wrong_secret_says_where_and_keeps_the_secret(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not what the server knows")

    with pytest.raises(UnavailableError) as caught:
        publish_bundle(bucket, small_bundle())

    assert str(caught.value).startswith(f"{bucket}/")
    assert "not what the server knows" not in str(caught.value)


def test_a_store_that_is_not_there_is_unavailable(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    published = small_bundle()

    with pytest.raises(UnavailableError, match="can't be read"):
        fetch_bundle(f"{bucket}/{published.version}", published.sha256)
