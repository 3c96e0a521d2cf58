"""Logging: one structlog pipeline for all services; librdkafka's lines go through it too."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TextIO

import structlog
from structlog.typing import Processor

from fraud_core.settings import LogSettings

Logger = structlog.stdlib.BoundLogger
CLIENT = "librdkafka"
CLIENT_LINE_S = 1.0


class Sparse(logging.Filter):
    """Lets one line a second pass and says how many it held back.

    A client without its broker says the same twenty times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        super().__init__()
        self._clock, self._next, self._held = clock, 0.0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        now = self._clock()
        if now < self._next:
            self._held += 1
            return False
        if self._held:
            record.msg, record.args = f"{record.getMessage()} ({self._held} more lines held back)", ()
        self._next, self._held = now + CLIENT_LINE_S, 0
        return True


def hush_client() -> None:
    """Write nothing that Kafka's client says, until `configure` is called: the command says it itself."""
    logging.getLogger(CLIENT).setLevel(logging.CRITICAL)


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every record of the process to standard error or another stream, as JSON or as text for people."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(settings, stream))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    client = logging.getLogger(CLIENT)
    client.filters[:] = [Sparse()]
    client.setLevel(logging.NOTSET)
    for chatty in ("httpx2", "httpcore", "numba", "uvicorn", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _rendering(settings: LogSettings, stream: TextIO) -> list[Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.format == "json":
        return [drop, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [drop, structlog.dev.ConsoleRenderer(colors=stream.isatty())]


def logger(name: str) -> Logger:
    """A logger that takes events with fields: `log.info("restored", partition=3)`."""
    bound: Logger = structlog.stdlib.get_logger(name)
    return bound
