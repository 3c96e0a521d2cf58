"""TLS and basic authentication in front of the real registry, which has neither without an OpenID server."""

import base64
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn
from fastapi import FastAPI, Request, Response

from fraud_local.stack.ports import HOST
from tests.support.certificates import Pair

PASSED_ON = ("content-type", "accept")


@contextmanager
def served(behind: str, pair: Pair, *, ca: str | None = None, login: tuple[str, str] | None = None) -> Iterator[str]:
    """A reverse proxy while the block runs; yields the URL of the registry behind it.

    Args:
        behind: URL of the registry.
        pair: what the proxy shows to its clients.
        ca: who must have signed the certificates of its clients; None asks for none.
        login: user and password that clients must send.
    """
    listening = socket.create_server((HOST, 0))
    config = uvicorn.Config(
        _app(behind, login),
        log_config=None,
        ssl_certfile=pair.certificate,
        ssl_keyfile=pair.key,
        ssl_ca_certs=ca,
        ssl_cert_reqs=ssl.CERT_REQUIRED if ca else ssl.CERT_NONE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"https://{HOST}:{listening.getsockname()[1]}{httpx2.URL(behind).path}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def _app(behind: str, login: tuple[str, str] | None) -> FastAPI:
    app = FastAPI(openapi_url=None)
    registry = httpx2.Client(base_url=str(httpx2.URL(behind).join("/")), trust_env=False, timeout=30)
    expected = "Basic " + base64.b64encode(":".join(login or ()).encode()).decode()

    async def pass_on(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if login and not secrets.compare_digest(given, expected):
            return Response('{"error_code": 401, "message": "Unauthorized"}', 401, media_type="application/json")
        body = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        answer = registry.request(request.method, path, content=body, headers=headers)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    app.add_route("/{path:path}", pass_on, methods=["GET", "POST", "PUT", "DELETE"])
    return app
