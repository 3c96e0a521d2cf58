"""Serves `/health` and `/metrics` beside the work, in a thread of its own."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from fraud_core.errors import ConfigError
from fraud_core.log import logger
from fraud_core.settings import HttpSettings

log = logger(__name__)
UNAVAILABLE = 503
Check = Callable[[], bool]


def probes(name: str, registry: CollectorRegistry, alive: Check, ready: Check) -> FastAPI:
    """An app with `/health` (both answers), `/health/live`, `/health/ready` and `/metrics`."""
    app = FastAPI(title=name, docs_url=None, redoc_url=None, openapi_url=None)

    def answer(response: Response, *, good: bool) -> dict[str, bool]:
        response.status_code = 200 if good else UNAVAILABLE
        return {"alive": alive(), "ready": ready()}

    @app.get("/health/live")
    def live(response: Response) -> dict[str, bool]:
        return answer(response, good=alive())

    @app.get("/health")
    @app.get("/health/ready")
    def health(response: Response) -> dict[str, bool]:
        return answer(response, good=alive() and ready())

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


@contextmanager
def served(app: FastAPI, settings: HttpSettings, *, elsewhere: bool = False) -> Iterator[int | None]:
    """Serve while the block runs; yields the port, None where it is switched off.

    `elsewhere` takes any free port where the wanted one is taken, for who is not looked for at a fixed place.

    Raises:
        ConfigError: the address can't be had.
    """
    if not settings.enabled:
        yield None
        return
    listening = _listen(settings, elsewhere=elsewhere)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="http", daemon=True)
    thread.start()
    port = int(listening.getsockname()[1])
    log.info("serving", port=port, paths="/health /metrics")
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(5)
        listening.close()


def _listen(settings: HttpSettings, *, elsewhere: bool) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port))
    except OSError as error:
        if elsewhere and error.errno == errno.EADDRINUSE:
            return socket.create_server((settings.host, 0))
        raise ConfigError(
            f"Can't serve HTTP on {settings.host}:{settings.port} ({error.strerror}). "
            "Set FRAUD_HTTP__PORT to a free port, 0 for any, or FRAUD_HTTP__ENABLED=false."
        ) from error
