"""TLS and basic authentication in front of the real registry, which has neither without an OpenID server."""

import base64
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from fraud_local.stack.ports import HOST
from tests.support.certificates import Pair

PASSED_ON = ("content-type", "accept")
GIVE_UP_S = 5.0


@contextmanager
def served(
    behind: str, pair: Pair, *, ca: Path | None = None, login: tuple[str, str] | None = None
) -> Iterator[str]:
    """A reverse proxy while the block runs; yields the URL of the registry behind it.

    Args:
        behind: URL of the registry.
        pair: what the proxy shows to its clients.
        ca: who must have signed the certificates of its clients; None asks for none.
        login: user and password that clients must send.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    url = httpx2.URL(behind)
    with (
        httpx2.Client(base_url=str(url.join("/")), trust_env=False, timeout=30) as registry,
        _Server(context, registry, login) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"https://{HOST}:{server.server_port}{url.path}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(
        self, context: ssl.SSLContext, registry: httpx2.Client, login: tuple[str, str] | None
    ) -> None:
        super().__init__((HOST, 0), _Handler)
        self.context, self.registry = context, registry
        self.wanted = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else None

    def finish_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Agree on TLS in the connection's own thread, where a silent client holds up nobody else."""
        assert isinstance(request, socket.socket)
        request.settimeout(GIVE_UP_S)
        secure = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        try:
            secure.do_handshake()
        except OSError:
            _drain(secure)
        else:
            with secure:
                super().finish_request(secure, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted, given = self.server.wanted, self.headers.get("authorization", "")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if wanted and not secrets.compare_digest(given, wanted):
            self._answer(401, b'{"error_code": 401, "message": "Unauthorized"}', "application/json")
            return
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        found = self.server.registry.request(self.command, self.path, content=body, headers=headers)
        self._answer(found.status_code, found.content, found.headers.get("content-type", ""))

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that the base class looks for

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def _drain(secure: ssl.SSLSocket) -> None:
    """Read on until the client has gone: closing on unread bytes would take the alert back."""
    with socket.socket(fileno=secure.detach()) as plain:
        plain.settimeout(GIVE_UP_S)
        try:
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass
        except OSError:
            return
