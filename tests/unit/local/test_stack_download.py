"""Downloads, from a real repository of three small files on this machine."""

import hashlib
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from fraud_core.errors import StackError
from fraud_local.stack.artefacts import Artefact, Component
from fraud_local.stack.download import Parts, ensure, storing
from fraud_local.stack.fetch import ATTEMPTS, MIRROR_VARIABLE

CONTENT = {"/org/a/one/1/one-1.jar": b"one" * 7_000, "/org/a/two/2/two-2.jar": b"two" * 3_000}


class Repository(ThreadingHTTPServer):
    """Serves files; `broken` counts how often each path still breaks off in the middle."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.broken: dict[str, int] = {}
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.broken.get(self.path, 0) > 0:
            self.server.broken[self.path] -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Repository]:
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        (tmp_path / "app.jar").write_bytes(b"app")
        archive.add(tmp_path / "app.jar", "app.jar")
    server = Repository(CONTENT | {"/org/a/app/3/app-3-all.tar.gz": packed.read_bytes()})
    monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def parts(repository: Repository) -> Parts:
    coordinates = {
        "/org/a/one/1/one-1.jar": "org.a:one:1:jar:",
        "/org/a/two/2/two-2.jar": "org.a:two:2:jar:",
        "/org/a/app/3/app-3-all.tar.gz": "org.a:app:3:tar.gz:all",
    }
    one, two, app = (
        Artefact(coordinate, path.rpartition("/")[2], len(content), hashlib.sha256(content).hexdigest())
        for path, coordinate in coordinates.items()
        for content in [repository.files[path]]
    )
    return {
        "broker": Component("broker", "Broker", "1", (one, two)),
        "registry": Component("registry", "Registry", "3", (app,)),
    }


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    path.mkdir()
    return path


def contents(cache: Path) -> set[str]:
    """Names of all files in the cache, but the lock's."""
    return {path.name for path in cache.rglob("*") if path.is_file()} - {"lock"}


def test_a_first_use_says_how_much_it_downloads_and_ends_with_every_file_in_place(
    cache: Path, parts: Parts, repository: Repository
) -> None:
    said: list[str] = []

    places = ensure(cache, parts, said.append)

    assert (places["broker"] / "one-1.jar").read_bytes() == repository.files["/org/a/one/1/one-1.jar"]
    assert (places["registry"] / "app.jar").read_bytes() == b"app"
    assert contents(cache) == {"one-1.jar", "two-2.jar", "app.jar"}
    assert len(said) == 1
    assert said[0].startswith(
        "Downloading 0 MB, this once: Broker 1 0 MB, Registry 3 0 MB. They are kept in "
    )


def test_a_second_use_asks_for_nothing(cache: Path, parts: Parts, repository: Repository) -> None:
    ensure(cache, parts, lambda _: None)
    repository.asked.clear()

    ensure(cache, parts, pytest.fail)

    assert repository.asked == []


def test_only_a_file_that_was_cut_short_is_fetched_again(
    cache: Path, parts: Parts, repository: Repository
) -> None:
    places = ensure(cache, parts, lambda _: None)
    (places["broker"] / "two-2.jar").write_bytes(b"tw")
    repository.asked.clear()

    ensure(cache, parts, lambda _: None)

    assert (places["broker"] / "two-2.jar").read_bytes() == repository.files["/org/a/two/2/two-2.jar"]
    assert repository.asked == ["/org/a/two/2/two-2.jar"]


def test_a_connection_that_breaks_off_is_tried_again(
    cache: Path, parts: Parts, repository: Repository
) -> None:
    repository.broken["/org/a/one/1/one-1.jar"] = ATTEMPTS - 1

    places = ensure(cache, parts, lambda _: None)

    assert (places["broker"] / "one-1.jar").read_bytes() == repository.files["/org/a/one/1/one-1.jar"]


def test_a_file_that_never_arrives_whole_is_named_and_nothing_half_done_stays(
    cache: Path, parts: Parts, repository: Repository
) -> None:
    repository.broken["/org/a/app/3/app-3-all.tar.gz"] = ATTEMPTS

    with pytest.raises(StackError, match=r"Could not download app-3-all.tar.gz.*Check the network"):
        ensure(cache, parts, lambda _: None)

    assert contents(cache) == {"one-1.jar", "two-2.jar"}


def test_a_file_with_other_content_is_refused(cache: Path, parts: Parts, repository: Repository) -> None:
    repository.files["/org/a/two/2/two-2.jar"] = b"something else"

    with pytest.raises(StackError, match=r"two-2.jar.*got 14 bytes that are not the 9,000 expected"):
        ensure(cache, parts, lambda _: None)

    assert "two-2.jar" not in contents(cache)


def test_without_a_network_the_message_says_what_could_not_be_fetched_and_what_else_to_do(
    cache: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:1")

    with pytest.raises(StackError, match=r"one-1.jar.*HTTPS_PROXY.*--bootstrap-servers"):
        ensure(cache, parts, lambda _: None)

    assert contents(cache) == set()


def test_what_a_killed_download_left_is_swept(cache: Path, parts: Parts) -> None:
    left = cache / "download-old" / "repository"
    left.mkdir(parents=True)
    (left / "one-1.jar").write_bytes(b"half")

    ensure(cache, parts, lambda _: None)

    assert contents(cache) == {"one-1.jar", "two-2.jar", "app.jar"}


def test_a_full_disk_is_told_with_the_place_and_the_way_out(cache: Path) -> None:
    full = OSError(28, "No space left on device")

    with pytest.raises(StackError, match=r"No space left on device.*FRAUD_CACHE_DIR"), storing(cache):
        raise full
