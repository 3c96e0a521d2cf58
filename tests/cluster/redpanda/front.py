"""Stands before Apicurio Registry where Redpanda's registry would be: its path, TLS and HTTP basic."""

import base64
import os
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEHIND = "http://127.0.0.1:8082/apis/ccompat/v7"
CERTIFICATES = Path("/etc/tls")
USERS = Path("/etc/users/users.txt")
PASSED_ON = ("content-type", "accept")
GIVE_UP_S = 30


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, behind: str, context: ssl.SSLContext | None, login: str | None) -> None:
        super().__init__(("", port), _Handler)
        self.behind = behind
        self.wanted = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = GIVE_UP_S

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        wanted, given = self.server.wanted, self.headers.get("authorization", "")
        if wanted and not secrets.compare_digest(given, wanted):
            self._answer(401, b'{"error_code": 401, "message": "Unauthorized"}', "application/json")
            return
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        request = urllib.request.Request(  # noqa: S310 - the registry beside it
            self.server.behind + self.path, data=body or None, headers=headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request, timeout=GIVE_UP_S) as found:  # noqa: S310
                self._answer(found.status, found.read(), found.headers.get("content-type", ""))
        except urllib.error.HTTPError as refused:
            self._answer(refused.code, refused.read(), refused.headers.get("content-type", ""))
        except OSError as error:
            self._answer(502, str(error).encode(), "text/plain")

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that the base class looks for

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged: paths are not what a test looks for."""


def main() -> None:
    """Serve for ever; with TLS and a user's password where the broker has them, as with Redpanda."""
    context = None
    if os.environ.get("PROTOCOL", "").endswith("SSL"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATES / "tls.crt", CERTIFICATES / "tls.key")
    users = USERS.read_text(encoding="utf-8").split() if USERS.exists() else []
    login = users[0].rpartition(":")[0] if users else None
    _Server(8081, BEHIND, context, login).serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["probe"]:
        urllib.request.urlopen(f"{BEHIND}/subjects", timeout=4).close()  # noqa: S310 - the one beside it
    else:
        main()
