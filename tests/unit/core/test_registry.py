"""Only a registry that does not know an id makes a schema unknown; any other answer is waited for."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fraud_core.errors import ConfigError, SchemaError, UnavailableError
from fraud_core.registry import Registry, UnknownSchemaError
from fraud_core.settings import SchemaRegistrySettings, TopicSettings
from fraud_core.topics import topics


class Answering(HTTPServer):
    """Answers every request alike, as what stands before a registry may."""

    status, body = 200, b""

    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_GET  # noqa: N815 - named by the server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def registry(answering: Answering) -> Registry:
    return Registry(SchemaRegistrySettings(url=answering.url()))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, json.dumps({"error_code": 42901, "message": "Too many requests"})),
        (408, ""),
        (407, "proxy"),
        (302, ""),
        (404, "<html>no such site</html>"),
        (404, json.dumps({"message": "no route"})),
        (404, json.dumps({"error": "Not Found", "path": "/schemas/ids/7"})),
        (500, json.dumps({"error_code": 50001, "message": "store"})),
        (200, "<html>maintenance</html>"),
        (200, "{}"),
        (200, "null"),
        (200, "[]"),
    ],
)
def test_what_does_not_answer_as_a_registry_does_makes_no_schema_unknown(
    answering: Answering, status: int, body: str
) -> None:
    answering.status, answering.body = status, body.encode()

    with pytest.raises(UnavailableError, match=answering.url()):
        registry(answering).schema_by_id(7)


@pytest.mark.parametrize(
    "body", ['{"error": "Not Found"}', '{"message": "no route"}', "<html>no such site</html>"]
)
def test_what_does_not_answer_as_a_registry_does_makes_no_schema_unregistered(
    answering: Answering, body: str
) -> None:
    answering.status, answering.body = 404, body.encode()

    with pytest.raises(UnavailableError, match="does not answer as a schema registry does"):
        registry(answering).id_of(topics(TopicSettings()).transactions)


def test_a_schema_that_a_registry_has_not_is_told(answering: Answering) -> None:
    answering.status, answering.body = 404, b'{"error_code": 40401, "message": "Subject not found"}'

    with pytest.raises(SchemaError, match=r"not registered .* \(Subject not found\)"):
        registry(answering).id_of(topics(TopicSettings()).transactions)


@pytest.mark.parametrize(
    "answer",
    [
        {"error_code": 40403, "message": "Schema 7 not found"},
        {"error_code": 404, "message": "No content with id 7"},
    ],
)
def test_an_id_that_the_registry_does_not_know_is_the_records_fault(
    answering: Answering, answer: dict[str, object]
) -> None:
    answering.status, answering.body = 404, json.dumps(answer).encode()

    with pytest.raises(UnknownSchemaError, match="no schema with id 7"):
        registry(answering).schema_by_id(7)


@pytest.mark.parametrize("schema_id", [2**31, 2**32 - 1])
def test_an_id_that_no_registry_gives_is_the_records_fault_however_it_would_be_refused(
    answering: Answering, schema_id: int
) -> None:
    answering.status = 400  # Redpanda's answer
    answering.body = json.dumps({"error_code": 40002, "message": "Invalid parameter 'id'"}).encode()

    with pytest.raises(UnknownSchemaError, match=f"No registry has a schema with id {schema_id}"):
        registry(answering).schema_by_id(schema_id)


def test_a_schema_in_several_pieces_is_told(answering: Answering) -> None:
    references = [{"name": "bank.Place", "subject": "place", "version": 1}]
    answering.body = json.dumps({"schema": '"bank.Place"', "references": references}).encode()

    with pytest.raises(UnknownSchemaError, match=r"refers to others \(bank\.Place\)"):
        registry(answering).schema_by_id(7)


@pytest.mark.parametrize(
    ("status", "error"), [(500, UnavailableError), (401, ConfigError), (404, ConfigError)]
)
def test_an_answer_without_a_message_is_told_without_one(
    answering: Answering, status: int, error: type[Exception]
) -> None:
    answering.status, answering.body = status, b"{}"

    with pytest.raises(error, match=str(status)) as refused:
        registry(answering).check()

    assert "None" not in str(refused.value)
